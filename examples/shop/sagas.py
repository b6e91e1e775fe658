"""The order saga, the largest of the shop's: check, approve, set aside, charge, settle, ship, tell, confirm."""

from datetime import timedelta
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from examples.shop.clocks import APPROVED_WITHIN, ORDERED_WITHIN, REMIND_EVERY, SETTLED_WITHIN
from examples.shop.shipment import NAME, shipping
from examples.shop.sign_up import sign_up
from sagas import Abort, approval, child, each, parallel, saga, step, wait

__all__ = ["order", "shipping", "sign_up"]

LARGE = 100_000
"""From this amount on, in cents, somebody in sales looks at an order."""


class Line(BaseModel):
    """So many pieces of one thing."""

    model_config = ConfigDict(extra="forbid")

    sku: str = Field(pattern=NAME, max_length=40)
    quantity: int = Field(gt=0, le=1000)


class OrderInput(BaseModel):
    """An order as the shop sends it; `amount` in cents."""

    model_config = ConfigDict(extra="forbid")

    order_id: str = Field(pattern=NAME, max_length=60)
    user_id: str = Field(pattern=NAME, max_length=40)
    lines: list[Line] = Field(min_length=1, max_length=100)
    amount: int = Field(gt=0, le=100_000_000)


class Terms(BaseModel):
    """What sales grants with its yes; `discount` in per cent."""

    discount: int = Field(0, ge=0, le=50)


class Settlement(BaseModel):
    """What payments says when the bank has answered."""

    charge_id: int
    status: Literal["settled", "declined"]


def check_user(ctx: Any) -> dict[str, Any]:
    user: dict[str, Any] = ctx.service("users").get(f"/users/{ctx.input.user_id}").json
    if not user["active"]:
        raise Abort(f"The user {ctx.input.user_id} is not active.", code="user_not_active")
    return user


def check_stock(ctx: Any) -> dict[str, int]:
    """How much there is of each thing. It only spares hopeless orders the effort: `lock_stock` is what counts."""
    on_hand = {}
    for line in ctx.input.lines:
        on_hand[line.sku] = ctx.service("stock").get(f"/stock/{line.sku}").json["on_hand"]
        if on_hand[line.sku] < line.quantity:
            raise Abort(f"There are only {on_hand[line.sku]} pieces of {line.sku}.", code="out_of_stock")
    return on_hand


def is_large(ctx: Any) -> bool:
    return bool(ctx.input.amount >= LARGE)


def lock_stock(ctx: Any) -> Any:
    """One line's pieces; the compensation of each line undoes that line alone."""
    return ctx.service("stock").post("/reservations", json={"order_id": ctx.input.order_id, **ctx.item}).json


def release_stock(ctx: Any) -> Any:
    wanted = {"order_id": ctx.input.order_id, "sku": ctx.item["sku"]}
    return ctx.service("stock").post("/reservations/release", json=wanted).json


def price(ctx: Any) -> int:
    """What the customer pays, in cents: less the discount, if sales had a say and gave one."""
    decision = ctx.results["large_order"]
    discount = decision["form"]["discount"] if decision else 0
    return int(ctx.input.amount * (100 - discount) // 100)


def charge(ctx: Any) -> Any:
    """Take the money; when the bank has settled it, payments calls the address that it is given here."""
    wanted = {"order_id": ctx.input.order_id, "user_id": ctx.input.user_id, "amount": price(ctx)}
    return ctx.service("payments").post("/charges", json=wanted | {"callback": ctx.signal_url("payment_settled")}).json


def find_charge(ctx: Any) -> Any:
    """The charge made under the action's key; payments answers 404 in its own words when there is none."""
    return ctx.service("payments").get(f"/charges/by-key/{ctx.action.key}").json


def refund(ctx: Any) -> Any:
    """Payments knows by the action's key what to give back, so this works as well when the charge's answer was lost."""
    return ctx.service("payments").post("/refunds", json={"order_id": ctx.input.order_id}).json


def must_be_settled(ctx: Any, settlement: Settlement) -> None:
    if settlement.status != "settled":
        raise Abort(f"The bank declined charge {settlement.charge_id}.", code="settlement_declined")


def shipment_of(ctx: Any) -> dict[str, Any]:
    return {"order_id": ctx.input.order_id, "pieces": sum(line.quantity for line in ctx.input.lines)}


def confirm_order(ctx: Any) -> Any:
    return ctx.service("orders").post(f"/orders/{ctx.input.order_id}/confirm").json


def notify(ctx: Any) -> Any:
    """Tell the customer. The service goes by the step's key, so a call that is repeated sends no second message."""
    message = {
        "receiver": {"email": ctx.results["check_user"]["email"]},
        "content": {"subject": f"Your order {ctx.input.order_id}", "text": "Thank you, it is paid and on its way."},
    }
    return ctx.service("notifications").post("/api/v1/notifications/", json=message).json


def correct(ctx: Any) -> Any:
    """Call the message off by the action's key; where it is too late for that, the service sends this after it."""
    sorry = {
        "subject": f"Your order {ctx.input.order_id} is called off",
        "text": "We are sorry: it does not come after all. What you have paid, you get back.",
    }
    wanted = {"reason": "The order is taken back.", "correction": {"content": sorry}}
    path = f"/api/v1/notifications/by-key/{ctx.action.key}/cancel/"
    return ctx.service("notifications").post(path, json=wanted).json


order = saga(
    "order",
    parallel(
        step(check_user, reads_only=True),
        step(check_stock, reads_only=True),
    ),
    approval("large_order", group="sales", form=Terms, when=is_large, timeout=APPROVED_WITHIN, remind=REMIND_EVERY),
    each("lines", step(lock_stock, compensation=release_stock), concurrency=3, compensate="parallel"),
    step(charge, compensation=refund, probe=find_charge, timeout=timedelta(seconds=10)),
    wait("payment_settled", schema=Settlement, accept=must_be_settled, timeout=SETTLED_WITHIN),
    child(shipping, input=shipment_of),
    step(notify, compensation=correct, optional=True),
    step(confirm_order, pivot=True),
    input=OrderInput,
    version=1,
    deadline=ORDERED_WITHIN,
    owner="shop team",
)
