"""The definitions whose sagas fill the tables: an order, of which some cannot be undone, and a sign-up that waits.

Baskets are not among them, but are done over them: rows side by side and a list.
"""

from datetime import timedelta
from typing import Any

from sagas import Abort, each, parallel, saga, step, wait

NOTHING = "It does nothing outside."
PATIENT = timedelta(days=30)


def check_user(ctx: Any) -> dict[str, Any]:
    return {"step": "check_user", "order": ctx.input["order"]}


def forget_user(ctx: Any) -> None:
    pass


def lock_stock(ctx: Any) -> dict[str, Any]:
    return {"step": "lock_stock", "order": ctx.input["order"]}


def release_stock(ctx: Any) -> None:
    if ctx.input.get("lost"):
        raise Abort("The shelf is gone.", code="no_shelf")


def charge(ctx: Any) -> dict[str, Any]:
    return {"step": "charge", "order": ctx.input["order"]}


def refund(ctx: Any) -> None:
    pass


def ship(ctx: Any) -> dict[str, Any]:
    if ctx.input.get("refused"):
        raise Abort("There is nobody to carry it.", code="no_carrier")
    return {"step": "ship", "order": ctx.input["order"]}


def confirm(ctx: Any) -> dict[str, Any]:
    return {"step": "confirm", "order": ctx.input["order"]}


def lines(ctx: Any) -> list[int]:
    return list(range(8))


def pack_line(ctx: Any) -> dict[str, Any]:
    return {"step": "pack_line", "line": ctx.item}


def unpack_line(ctx: Any) -> None:
    pass


def welcome(ctx: Any) -> dict[str, Any]:
    return {"letter": ctx.results["email_confirmed"]}


order = saga(
    "growth_order",
    step(check_user, compensation=forget_user),
    step(lock_stock, compensation=release_stock),
    step(charge, compensation=refund),
    step(ship, no_compensation=NOTHING),
    step(confirm, no_compensation=NOTHING),
)

signup = saga(
    "growth_signup",
    step(check_user, compensation=forget_user),
    wait("email_confirmed", timeout=PATIENT),
    step(welcome, reads_only=True),
)

basket = saga(
    "growth_basket",
    parallel(
        step(check_user, compensation=forget_user),
        step(lock_stock, compensation=release_stock),
        step(charge, compensation=refund),
        step(ship, no_compensation=NOTHING),
    ),
    each("lines", step(pack_line, compensation=unpack_line), items=lines),
)
