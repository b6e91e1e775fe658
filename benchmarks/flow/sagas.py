"""Five steps that do nothing but return a small document; the fourth refuses an order that says so."""

from typing import Any

from benchmarks import work
from sagas import Abort, saga, step

NAME = "benchmark_order"


def check_user(ctx: Any) -> dict[str, Any]:
    return work.result("check_user", ctx.input["order"])


def forget_user(ctx: Any) -> None:
    pass


def lock_stock(ctx: Any) -> dict[str, Any]:
    return work.result("lock_stock", ctx.input["order"])


def release_stock(ctx: Any) -> None:
    pass


def charge(ctx: Any) -> dict[str, Any]:
    return work.result("charge", ctx.input["order"])


def refund(ctx: Any) -> None:
    pass


def ship(ctx: Any) -> dict[str, Any]:
    if ctx.input["refused"]:
        raise Abort("There is nobody to carry it.", code="no_carrier")
    return work.result("ship", ctx.input["order"])


def confirm(ctx: Any) -> dict[str, Any]:
    return work.result("confirm", ctx.input["order"])


NOTHING = "It does nothing outside."

benchmark_order = saga(
    NAME,
    step(check_user, compensation=forget_user),
    step(lock_stock, compensation=release_stock),
    step(charge, compensation=refund),
    step(ship, no_compensation=NOTHING),
    step(confirm, no_compensation=NOTHING),
)
