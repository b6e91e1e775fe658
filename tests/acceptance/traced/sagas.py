from datetime import timedelta
from typing import Any

from sagas import Abort, saga, sleep, step


def reserve(ctx: Any) -> Any:
    return ctx.service("stock").post("/reservations", json={"sku": "book", "quantity": 1, **ctx.input}).json


def release(ctx: Any) -> Any:
    wanted = {"order_id": ctx.input["order_id"], "sku": "book"}
    return ctx.service("stock").post("/reservations/release", json=wanted).json


def ship(ctx: Any) -> None:
    raise Abort(f"Nobody ships {ctx.input['order_id']}.", code="nobody_ships")


parcel = saga(
    "parcel",
    step(reserve, compensation=release),
    sleep(timedelta(seconds=2), name="breath"),
    step(ship, no_compensation="It does nothing."),
)
