"""The saga of a shipment, a child of the order's: a parcel and somebody who fetches it; and the way back."""

from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from sagas import saga, step

NAME = r"^[A-Za-z0-9][A-Za-z0-9_-]*$"
"""What may stand in an address that a step calls."""


class Shipment(BaseModel):
    """What is sent, and for which order."""

    model_config = ConfigDict(extra="forbid")

    order_id: str = Field(pattern=NAME, max_length=60)
    pieces: int = Field(gt=0)


def book_parcel(ctx: Any) -> Any:
    parcel = {"order_id": ctx.input.order_id, "pieces": ctx.input.pieces}
    return ctx.service("shipping").post("/parcels", json=parcel).json


def cancel_parcel(ctx: Any) -> Any:
    return ctx.service("shipping").post("/parcels/cancel", json={"order_id": ctx.input.order_id}).json


def book_courier(ctx: Any) -> Any:
    return ctx.service("shipping").post("/couriers", json={"order_id": ctx.input.order_id}).json


def cancel_courier(ctx: Any) -> Any:
    return ctx.service("shipping").post("/couriers/cancel", json={"order_id": ctx.input.order_id}).json


shipping = saga(
    "shipping",
    step(book_parcel, compensation=cancel_parcel),
    step(book_courier, compensation=cancel_courier),
    input=Shipment,
    version=1,
    owner="shop team",
)
