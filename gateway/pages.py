"""Lists in pages, by a cursor: a page costs the same wherever it is, and nothing is shown twice."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from rest_framework.request import Request

from gateway.base64url import decoded, encoded
from gateway.problems import Problem

USUAL = 50
LARGEST = 200
WINDOWS = (500, 10_000)
"""How many rows are looked at for a page, at first and at most, where no index answers what is asked."""


@dataclass(frozen=True, slots=True)
class Page:
    """Some rows of a list, and the address of the rows after them, None at the end."""

    rows: list[Any]
    next: str | None

    def document(self, represent: Callable[[Any], Any]) -> dict[str, Any]:
        """The JSON object that the caller gets: `{"results": […], "next": …}`."""
        return {"results": [represent(row) for row in self.rows], "next": self.next}


def page(request: Request, rows: QuerySet[Any], by: str = "-id") -> Page:
    """One page of rows in the order of a unique column, by `?limit=` (1 to 200) and `?cursor=`.

    "-id" is the newest first, where ids are UUIDs of version 7. An index over the column, with the filtered columns
    before it, makes a page one range of that index. Raises a 400 problem for a limit or a cursor that cannot be.
    """
    limit, column = _limit(request), by.removeprefix("-")
    if (given := request.query_params.get("cursor")) is not None:
        beyond = "lt" if by.startswith("-") else "gt"
        rows = rows.filter(**{f"{column}__{beyond}": _read(rows, column, given)})
    found = list(rows.order_by(by)[: limit + 1])
    if len(found) <= limit:
        return Page(found, None)
    found.pop()
    return Page(found, _address(request, getattr(found[-1], column)))


def sifted_page(request: Request, rows: QuerySet[Any], sift: Callable[[QuerySet[Any]], QuerySet[Any]]) -> Page:
    """One page of what is left of the rows after a question that no index answers, the newest first.

    However little that is, no more than the next `WINDOWS` of the rows are looked at: then the page is short, perhaps
    empty, and `next` goes on behind them.
    """
    limit = _limit(request)
    if (given := request.query_params.get("cursor")) is not None:
        rows = rows.filter(id__lt=_read(rows, "id", given))
    rows = rows.order_by("-id")
    for window in WINDOWS:
        looked_at = rows.values("pk")[:window]
        found = list(sift(rows.model._default_manager.filter(pk__in=looked_at)).order_by("-id")[: limit + 1])
        last = rows.values_list("pk", flat=True)[window - 1 : window].first()
        if len(found) > limit:
            return Page(found[:limit], _address(request, found[limit - 1].pk))
        if last is None:
            return Page(found, None)
    return Page(found, _address(request, last))


def _limit(request: Request) -> int:
    given = request.query_params.get("limit", str(USUAL))
    if given.isascii() and given.isdecimal() and len(given) < 5 and 1 <= int(given) <= LARGEST:
        return int(given)
    raise Problem(f"limit is a number from 1 to {LARGEST}.", code="limit_invalid")


def _address(request: Request, last: Any) -> str:
    query = request._request.GET.copy()
    query["cursor"] = encoded(str(last).encode())
    address: str = request.build_absolute_uri(f"{request.path}?{query.urlencode()}")
    return address


def _read(rows: QuerySet[Any], column: str, cursor: str) -> Any:
    try:
        text = decoded(cursor).decode("ascii")
        return rows.model._meta.get_field(column).clean(text, None)
    except (ValueError, OverflowError, ValidationError):
        raise Problem("The cursor is not one of ours; begin again without it.", code="cursor_invalid") from None
