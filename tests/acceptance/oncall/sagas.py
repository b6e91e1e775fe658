"""A shop at night: purchases charged over HTTP, parcels that cannot be called back, discounts to be granted."""

from datetime import timedelta
from typing import Any

from pydantic import BaseModel, Field

from examples.shop.sagas import OrderInput, refund
from sagas import Abort, Retry, approval, saga, step

ONCE = Retry(attempts=1)


class Parcel(BaseModel):
    """What is sent, and where to."""

    parcel: str
    country: str = "Norway"


class Terms(BaseModel):
    """What sales grants with its yes."""

    discount: int = Field(0, ge=0, le=50, title="Discount in per cent")


def lock_stock(ctx: Any) -> dict[str, str]:
    return {"reserved": ctx.input.order_id}


def release_stock(ctx: Any) -> None:
    """The shelf is as it was."""


def charge(ctx: Any) -> Any:
    wanted = {"order_id": ctx.input.order_id, "user_id": ctx.input.user_id, "amount": ctx.input.amount}
    return ctx.service("payments").post("/charges", json=wanted).json


def confirm(ctx: Any) -> dict[str, bool]:
    return {"confirmed": True}


def send_parcel(ctx: Any) -> dict[str, str]:
    return {"tracking": f"NO-{ctx.input.parcel}"}


def call_parcel_back(ctx: Any) -> None:
    raise Abort("The parcel has left the country.", code="left_the_country")


def clear_customs(ctx: Any) -> None:
    raise Abort("The customs want a paper that is not there.", code="no_paper")


purchase = saga(
    "purchase",
    step(lock_stock, compensation=release_stock),
    step(charge, compensation=refund, retry=ONCE, on_exhausted="suspend"),
    step(confirm, no_compensation="A letter cannot be unsent."),
    input=OrderInput,
    summary=lambda order: f"An order of {order.user_id}, {order.amount / 100:.2f} EUR",
    owner="the payments team",
    runbook="https://runbooks.example.org/purchase",
)
parcel = saga(
    "parcel",
    step(send_parcel, compensation=call_parcel_back),
    step(clear_customs, no_compensation="Customs keep nothing.", retry=ONCE),
    input=Parcel,
    owner="the parcel desk",
)
discount = saga(
    "discount",
    approval("grant_discount", group="sales", form=Terms, timeout=timedelta(days=1)),
    step(confirm, no_compensation="A letter cannot be unsent."),
    input=OrderInput,
    summary=lambda order: f"{order.user_id} asks for a discount on {order.amount / 100:.2f} EUR",
)
