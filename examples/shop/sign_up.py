"""The saga of a sign-up: an account, a link by mail, and days of waiting for somebody to follow it."""

from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from examples.shop.clocks import CONFIRMED_WITHIN
from examples.shop.shipment import NAME
from sagas import PATIENT, saga, step, wait

SENT = "A message that was sent cannot be taken back."


class SignUpInput(BaseModel):
    """Who wants to buy here."""

    model_config = ConfigDict(extra="forbid")

    user_id: str = Field(pattern=NAME, max_length=40)
    name: str = Field(min_length=1, max_length=100)
    email: str = Field(pattern=r"^[^@\s]+@[^@\s]+$", max_length=200)


def create_account(ctx: Any) -> Any:
    """An account that cannot buy yet. Users makes the link, and calls our address when somebody has followed it."""
    wanted = {"user_id": ctx.input.user_id, "name": ctx.input.name, "email": ctx.input.email}
    return ctx.service("users").post("/accounts", json=wanted | {"callback": ctx.signal_url("email_confirmed")}).json


def delete_account(ctx: Any) -> Any:
    return ctx.service("users").post("/accounts/delete", json={"user_id": ctx.input.user_id}).json


def mail_link(ctx: Any) -> Any:
    link = ctx.results["create_account"]["link"]
    return _mail(ctx, "Please confirm your address", f"Is this you? Then confirm it here: {link}")


def activate_account(ctx: Any) -> Any:
    return ctx.service("users").post(f"/accounts/{ctx.input.user_id}/activate").json


def welcome(ctx: Any) -> Any:
    return _mail(ctx, f"Welcome, {ctx.input.name}", "Your account is open.")


def _mail(ctx: Any, subject: str, text: str) -> Any:
    message = {"receiver": {"email": ctx.input.email}, "content": {"subject": subject, "text": text}}
    return ctx.service("notifications").post("/api/v1/notifications/", json=message).json


sign_up = saga(
    "sign_up",
    step(create_account, compensation=delete_account),
    step(mail_link, retry=PATIENT, no_compensation=SENT),
    wait("email_confirmed", timeout=CONFIRMED_WITHIN),
    step(activate_account, pivot=True),
    step(welcome, retry=PATIENT, optional=True, no_compensation=SENT),
    input=SignUpInput,
    version=1,
    owner="shop team",
)
