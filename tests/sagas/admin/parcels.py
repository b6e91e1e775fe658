"""An input with a field of every kind."""

from datetime import date
from decimal import Decimal
from enum import Enum
from typing import Any, Literal

from pydantic import BaseModel


class Size(Enum):
    SMALL = "small"
    LARGE = "large"


class Street(BaseModel):
    name: str
    number: int | None = None


class Line(BaseModel):
    sku: str
    quantity: int = 1
    notes: list[str] = []


class Parcel(BaseModel):
    order: str
    amount: Decimal = Decimal("0")
    weight: float | None = None
    size: Size = Size.SMALL
    carrier: Literal["ship", "rail"] = "ship"
    fragile: bool = False
    insured: bool | None = None
    day: date | None = None
    to: Street
    back_to: Street | None = None
    lines: list[Line] = []
    anything: dict[str, Any] = {}
    either: int | list[int] = 1


PARCEL = Parcel(
    order="P-1",
    amount=Decimal("12.50"),
    weight=3.25,
    size=Size.LARGE,
    insured=True,
    day=date(2026, 11, 21),
    to=Street(name="Ø & <b>", number=7),
    lines=[Line(sku="book", quantity=2, notes=["one", "two\nlines"]), Line(sku="pen"), Line(sku="lamp")],
    anything={"a/b": {"c#d": [1, None, True]}},
    either=[1, 2],
).model_dump(mode="json")
