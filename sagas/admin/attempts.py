"""Attempts, waits, back-offs and compensations as bars over time, read from the journal."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

from sagas.models import Journal

Kind = Literal["attempt", "undoing", "wait", "backoff", "asking"]
Row = tuple[str, int]
"""A row's path, and the item of an `each`."""

BAD = frozenset({"failed", "unknown", "timed_out", "again", "to ask", "held", "stuck", "late"})
WORDS: Mapping[Kind, str] = {
    "attempt": "tried",
    "undoing": "undone",
    "wait": "waited",
    "backoff": "back-off",
    "asking": "asked",
}
ENDED = {
    "held": "failed, and a person is needed",
    "again": "failed, and is tried again",
    "to ask": "is in doubt, and asked after",
}
"""How an attempt ended, where the journal's word says too little."""
MOST = 2000
"""So many of the last transactions are read."""


@dataclass(frozen=True, kw_only=True)
class Bar:
    """One stretch of time of one row; `end` is None for what goes on."""

    kind: Kind
    begin: datetime
    end: datetime | None
    is_bad: bool = False
    what: str = ""


@dataclass(frozen=True, kw_only=True)
class Drawn:
    """A bar as it lies on the page: per cent from the left, and how wide."""

    kind: Kind
    x: float
    width: float
    is_bad: bool
    title: str


def bars_of(journal: Iterable[Journal]) -> dict[Row, list[Bar]]:
    """The bars of each row, oldest first; the journal is read oldest first."""
    found: dict[Row, list[Bar]] = defaultdict(list)
    for entry in journal:
        for move in entry.moves:
            if "step" in move and "did" in move:
                _take(found[move["step"], move.get("item", 0)], move, entry.at)
    return found


def drawn(bars: Iterable[Bar], begin: datetime, end: datetime) -> list[Drawn]:
    """The bars on a scale from `begin` to `end`."""
    whole = max((end - begin).total_seconds(), 0.001)

    def place(at: datetime) -> float:
        return round(100 * min(1.0, max(0.0, (at - begin).total_seconds() / whole)), 3)

    return [
        Drawn(
            kind=bar.kind,
            x=place(bar.begin),
            width=round(max(0.0, place(bar.end or end) - place(bar.begin)), 3),
            is_bad=bar.is_bad,
            title=_title(bar, end),
        )
        for bar in bars
    ]


def span(time: timedelta) -> str:
    """How long, in the unit that says most: "340 ms", "12.4 s", "3 min 20 s", "2 h 5 min", "3 d 4 h"."""
    seconds = time.total_seconds()
    if seconds < 1:
        return f"{round(seconds * 1000)} ms"
    if seconds < 60:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    for unit, size, small, smaller in (("d", 86400, "h", 3600), ("h", 3600, "min", 60), ("min", 60, "s", 1)):
        if whole >= size:
            rest = whole % size // smaller
            return f"{whole // size} {unit}" + (f" {rest} {small}" if rest else "")
    return f"{whole} s"


def _take(bars: list[Bar], move: Mapping[str, Any], at: datetime) -> None:
    _close(bars, move, at)
    match move["did"]:
        case "claimed":
            kind: Kind = "undoing" if move.get("undo") == "running" else "attempt"
            bars.append(Bar(kind=kind, begin=at, end=None, what=f"try {move.get('tries', 1)}"))
        case "asked" | "decides":
            bars.append(Bar(kind="asking", begin=at, end=None))
        case "waits" | "sleeps":
            bars.append(Bar(kind="wait", begin=at, end=None))
        case "again" | "to ask" if move.get("after"):
            bars.append(Bar(kind="backoff", begin=at, end=at + timedelta(seconds=float(move["after"]))))


def _close(bars: list[Bar], move: Mapping[str, Any], at: datetime) -> None:
    """Whatever comes next ends the bar before it: an open one has its outcome, a back-off was cut short."""
    if not bars:
        return
    last = bars[-1]
    if last.end is None:
        said = f"{last.what} {ENDED.get(move['did'], move['did'])}".strip()
        bars[-1] = Bar(kind=last.kind, begin=last.begin, end=at, is_bad=move["did"] in BAD, what=said)
    elif last.end > at:
        bars[-1] = Bar(kind=last.kind, begin=last.begin, end=at, what=last.what)


def _title(bar: Bar, now: datetime) -> str:
    took = span((bar.end or now) - bar.begin)
    said = f"{WORDS[bar.kind]} at {bar.begin:%Y-%m-%d %H:%M:%S} UTC, {took}"
    return said + (f": {bar.what}" if bar.what else "") + ("" if bar.end else ", still going on")
