"""The shop's charge alone, with a timeout of many minutes and nobody to ask: a dead worker must be missed by itself."""

from datetime import timedelta
from typing import Any

from examples.shop.sagas import OrderInput, refund
from sagas import saga, step


def take(ctx: Any) -> Any:
    wanted = {"order_id": ctx.input.order_id, "user_id": ctx.input.user_id, "amount": ctx.input.amount}
    return ctx.service("payments").post("/charges", json=wanted).json


payment = saga(
    "payment", step(take, name="charge", compensation=refund, timeout=timedelta(minutes=10)), input=OrderInput
)
