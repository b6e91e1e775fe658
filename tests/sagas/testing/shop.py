"""A small shop, as a team would write it, whose sagas are tested here."""

from datetime import timedelta
from typing import Any

from pydantic import BaseModel

from sagas import Abort, Retry, approval, child, each, parallel, saga, sleep, step, wait


class Order(BaseModel):
    order_id: str
    sku: str = "book"
    amount: int = 4990
    lines: list[str] = []


ORDER = {"order_id": "A-1"}


def check_user(ctx: Any) -> Any:
    return ctx.service("users").get("/users/alice").json


def check_stock(ctx: Any) -> Any:
    return ctx.service("stock").get(f"/stock/{ctx.input.sku}").json


def lock_stock(ctx: Any) -> Any:
    return ctx.service("stock").post("/reservations", json={"sku": ctx.input.sku}).json


def release_stock(ctx: Any) -> Any:
    return ctx.service("stock").post("/reservations/release", json={"of": ctx.action.key}).json


def charge(ctx: Any) -> Any:
    made = ctx.service("payments").post("/charges", json={"amount": ctx.input.amount}).json
    if made["amount"] != ctx.input.amount:
        raise Abort("They charged another amount.", done=made)
    return made


def find_charge(ctx: Any) -> Any:
    return ctx.service("payments").get(f"/charges/by-key/{ctx.action.key}").json


def refund(ctx: Any) -> Any:
    return ctx.service("payments").post("/refunds", json={"charge": ctx.action.key}).json


def pack(ctx: Any) -> Any:
    return {"packed": ctx.item}


def unpack(ctx: Any) -> Any:
    return None


order = saga(
    "order",
    parallel(step(check_user, reads_only=True), step(check_stock, reads_only=True)),
    step(lock_stock, compensation=release_stock),
    step(charge, compensation=refund, retry=Retry(attempts=3)),
    input=Order,
)

slow_order = saga(
    "slow_order",
    step(lock_stock, compensation=release_stock),
    approval("large_order", timeout=timedelta(days=2)),
    step(charge, compensation=refund),
    wait("payment_settled", timeout=timedelta(hours=1)),
    sleep(timedelta(days=1), name="cooling_off"),
    each("lines", step(pack, compensation=unpack)),
    input=Order,
)

shipping = saga("shipping", step(pack, compensation=unpack), input=Order)
parent_order = saga(
    "parent_order",
    step(lock_stock, compensation=release_stock),
    child(shipping),
    step(charge, compensation=refund),
    input=Order,
)
