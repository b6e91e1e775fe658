"""The order saga: check, set aside, charge, confirm, tell the customer; and the way back."""

from datetime import timedelta
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from sagas import PATIENT, Abort, parallel, saga, step

NAME = r"^[A-Za-z0-9][A-Za-z0-9_-]*$"
"""What may stand in an address that a step calls."""


class OrderInput(BaseModel):
    """An order as the shop sends it; `amount` in cents."""

    model_config = ConfigDict(extra="forbid")

    order_id: str = Field(pattern=NAME, max_length=60)
    user_id: str = Field(pattern=NAME, max_length=40)
    sku: str = Field(pattern=NAME, max_length=40)
    quantity: int = Field(gt=0, le=1000)
    amount: int = Field(gt=0, le=100_000_000)


def check_user(ctx: Any) -> dict[str, Any]:
    user: dict[str, Any] = ctx.service("users").get(f"/users/{ctx.input.user_id}").json
    if not user["active"]:
        raise Abort(f"The user {ctx.input.user_id} is not active.", code="user_not_active")
    return user


def check_stock(ctx: Any) -> dict[str, Any]:
    item: dict[str, Any] = ctx.service("stock").get(f"/stock/{ctx.input.sku}").json
    if item["on_hand"] < ctx.input.quantity:
        raise Abort(f"There are only {item['on_hand']} pieces of {ctx.input.sku}.", code="out_of_stock")
    return item


def lock_stock(ctx: Any) -> Any:
    wanted = {"order_id": ctx.input.order_id, "sku": ctx.input.sku, "quantity": ctx.input.quantity}
    return ctx.service("stock").post("/reservations", json=wanted).json


def release_stock(ctx: Any) -> Any:
    return ctx.service("stock").post("/reservations/release", json={"order_id": ctx.input.order_id}).json


def charge(ctx: Any) -> Any:
    wanted = {"order_id": ctx.input.order_id, "user_id": ctx.input.user_id, "amount": ctx.input.amount}
    return ctx.service("payments").post("/charges", json=wanted).json


def find_charge(ctx: Any) -> Any:
    """The charge made under the action's key; payments answers 404 in its own words when there is none."""
    return ctx.service("payments").get(f"/charges/by-key/{ctx.action.key}").json


def refund(ctx: Any) -> Any:
    """Payments knows by the action's key what to give back, so this works as well when the charge's answer was lost."""
    return ctx.service("payments").post("/refunds", json={"order_id": ctx.input.order_id}).json


def confirm_order(ctx: Any) -> Any:
    return ctx.service("orders").post(f"/orders/{ctx.input.order_id}/confirm").json


def cancel_order(ctx: Any) -> Any:
    return ctx.service("orders").post(f"/orders/{ctx.input.order_id}/cancel").json


def notify(ctx: Any) -> Any:
    message = {
        "receiver": {"email": ctx.results["check_user"]["email"]},
        "content": {"subject": f"Your order {ctx.input.order_id}", "text": "Thank you, it is confirmed."},
    }
    return ctx.service("notifications").post("/api/v1/notifications/", json=message).json


order = saga(
    "order",
    parallel(
        step(check_user, reads_only=True),
        step(check_stock, reads_only=True),
    ),
    step(lock_stock, compensation=release_stock),
    step(charge, compensation=refund, probe=find_charge, timeout=timedelta(seconds=10)),
    step(confirm_order, compensation=cancel_order),
    step(notify, retry=PATIENT, optional=True, no_compensation="A message that was sent cannot be taken back."),
    input=OrderInput,
    version=1,
    owner="shop team",
)
