"""Sagas of several shapes, over the shop's stock and payments (with the barrier) and a loyalty programme (without).

`fails` in the input names the row that is to be refused. Pauses are short, so that what was disturbed is over soon.
"""

from datetime import timedelta
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

from sagas import Abort, Retry, approval, child, each, parallel, saga, step, wait

SOON = Retry(attempts=8, first=timedelta(seconds=0.5), longest=timedelta(seconds=5))
PATIENTLY = Retry(attempts=40, first=timedelta(seconds=0.5), longest=timedelta(seconds=5))
QUICK: dict[str, Any] = {"retry": SOON, "timeout": timedelta(seconds=8)}
BOTH_WAYS: dict[str, Any] = {**QUICK, "compensation_retry": PATIENTLY}


class Order(BaseModel):
    """What is wanted, by whom, for how many cents, and what goes wrong with it."""

    model_config = ConfigDict(extra="forbid")

    order_id: str
    amount: int = 100
    lines: list[int] = [1]
    fails: Literal["", "reserve", "charge", "inspect"] = ""


def reserve(ctx: Any) -> Any:
    """There are no globes."""
    wanted = {"sku": "globe" if ctx.input.fails == "reserve" else "book", "quantity": 1}
    return ctx.service("stock").post("/reservations", json={"order_id": ctx.input.order_id, **wanted}).json


def reserve_line(ctx: Any) -> Any:
    """So many pieces of the line; the last line cannot be had where reserving is to fail."""
    last = ctx.input.fails == "reserve" and ctx.item == ctx.input.lines[-1]
    wanted = {"sku": "globe" if last else "book", "quantity": ctx.item}
    return ctx.service("stock").post("/reservations", json={"order_id": ctx.input.order_id, **wanted}).json


def release(ctx: Any) -> Any:
    return ctx.service("stock").post("/reservations/release", json={"order_id": ctx.input.order_id}).json


def charge(ctx: Any) -> Any:
    """Erin's card is declined."""
    user = "erin" if ctx.input.fails == "charge" else "alice"
    wanted = {"order_id": ctx.input.order_id, "user_id": user, "amount": ctx.input.amount}
    return ctx.service("payments").post("/charges", json=wanted).json


def find_charge(ctx: Any) -> Any:
    return ctx.service("payments").get(f"/charges/by-key/{ctx.action.key}").json


def refund(ctx: Any) -> Any:
    return ctx.service("payments").post("/refunds", json={"order_id": ctx.input.order_id}).json


def award(ctx: Any) -> Any:
    return ctx.service("loyalty").post("/points", json={"order_id": ctx.input.order_id, "points": 10}).json


def take_points(ctx: Any) -> Any:
    return ctx.service("loyalty").post("/points/back", json={"order_id": ctx.input.order_id, "points": 10}).json


def inspect(ctx: Any) -> None:
    """The last word, in the coordinator's own database."""
    if ctx.input.fails == "inspect":
        raise Abort("The inspector does not like it.", code="inspected")


_reserve = step(reserve, compensation=release, **BOTH_WAYS)
_charge = step(charge, compensation=refund, **BOTH_WAYS)
_award = step(award, compensation=take_points, **BOTH_WAYS)
_inspect = step(inspect, reads_only=True, local=True, retry=SOON)
_DAY = timedelta(days=1)

line = saga(
    "soak_line",
    _reserve,
    _charge,
    _inspect,
    step(award, pivot=True, retry=Retry(attempts=40, first=timedelta(seconds=0.5), longest=timedelta(seconds=5))),
    input=Order,
)
side_by_side = saga(
    "soak_parallel",
    parallel(
        _reserve,
        step(charge, compensation=refund, probe=find_charge, probe_after=timedelta(seconds=2), **BOTH_WAYS),
    ),
    _award,
    _inspect,
    input=Order,
)
every_line = saga(
    "soak_each",
    each("lines", step(reserve_line, name="reserve", compensation=release, **BOTH_WAYS), concurrency=2),
    _charge,
    _inspect,
    input=Order,
)
waiting = saga("soak_wait", _reserve, wait("settled", timeout=_DAY), _charge, _inspect, input=Order)
asking = saga("soak_approval", _reserve, approval("looked_at", timeout=_DAY), _charge, _inspect, input=Order)
part = saga("soak_child", _reserve, _charge, input=Order)
whole = saga("soak_parent", _award, child(part), _inspect, input=Order)
in_need = saga(
    "soak_person",
    _reserve,
    step(charge, compensation=refund, on_failure="incident", on_exhausted="suspend", **BOTH_WAYS),
    _inspect,
    input=Order,
)
