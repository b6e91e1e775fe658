"""A parcel is wanted, packed and delivered; all of it is said by events."""

from datetime import timedelta
from typing import Any

from sagas import on_event, saga, step, wait


def pack(ctx: Any) -> None:
    ctx.publish("parcel.packed", {"number": ctx.input["number"]})


def unpack(ctx: Any) -> None:
    ctx.publish("parcel.unpacked", {"number": ctx.input["number"]})


def thank(ctx: Any) -> None:
    """Nothing to do: its success is told."""


parcel = saga(
    "parcel",
    step(pack, compensation=unpack),
    wait("delivered", timeout=timedelta(hours=1)),
    step(thank, reads_only=True),
)

on_event("parcel.wanted", start="parcel", key=lambda event: event.data["number"])
on_event("parcel.delivered", signal="delivered", key=lambda event: event.subject, park_for=timedelta(minutes=30))
