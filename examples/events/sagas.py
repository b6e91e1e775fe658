"""The saga: it publishes a command, waits for the answer, and takes back by commands what it has asked for.

    order.created ─▶ start
                     stock.reserve  ─▶ stock    ─▶ stock.answered    ─▶ goes on, or back
                     payment.charge ─▶ payments ─▶ payment.answered  ─▶ goes on, or back
                     order.confirmed

A compensation is a command, too (`stock.release`, `payment.refund`). Services know commands by the order, so that one
which comes twice, or late, does no harm.
"""

from datetime import timedelta
from typing import Any

from pydantic import BaseModel, Field

from sagas import Abort, on_event, saga, step, wait

ANSWERED_WITHIN = timedelta(minutes=5)


class Order(BaseModel):
    """What `order.created` carries; `amount` in cents."""

    number: str = Field(min_length=1, max_length=40)
    sku: str
    quantity: int = Field(gt=0)
    amount: int = Field(gt=0)


class Answer(BaseModel):
    """What a service says to a command."""

    number: str
    accepted: bool
    reason: str = ""


def reserve_stock(ctx: Any) -> None:
    ctx.publish("stock.reserve", {"number": ctx.input.number, "sku": ctx.input.sku, "quantity": ctx.input.quantity})


def release_stock(ctx: Any) -> None:
    ctx.publish("stock.release", {"number": ctx.input.number})


def charge(ctx: Any) -> None:
    ctx.publish("payment.charge", {"number": ctx.input.number, "amount": ctx.input.amount})


def refund(ctx: Any) -> None:
    ctx.publish("payment.refund", {"number": ctx.input.number})


def confirm(ctx: Any) -> None:
    ctx.publish("order.confirmed", {"number": ctx.input.number})


def must_be_accepted(ctx: Any, answer: Answer) -> None:
    if not answer.accepted:
        raise Abort(answer.reason or "The service said no.", code="not_accepted")


order_by_events = saga(
    "order_by_events",
    step(reserve_stock, compensation=release_stock),
    wait("stock_answered", schema=Answer, accept=must_be_accepted, timeout=ANSWERED_WITHIN),
    step(charge, compensation=refund),
    wait("payment_answered", schema=Answer, accept=must_be_accepted, timeout=ANSWERED_WITHIN),
    step(confirm, pivot=True),
    input=Order,
)


def number(event: Any) -> str:
    """The order's number is the saga's business key."""
    return str(event.data["number"])


events = [
    on_event("order.created", start="order_by_events", key=number),
    on_event("stock.answered", signal="stock_answered", key=number, park_for=ANSWERED_WITHIN),
    on_event("payment.answered", signal="payment_answered", key=number, park_for=ANSWERED_WITHIN),
]
