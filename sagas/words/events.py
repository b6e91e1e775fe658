"""Events: what a saga tells the world by itself, what a step adds, and which of it somebody wants.

    saga.started         it begins                        saga.step_succeeded   a row is done
    saga.turned_back     it goes back from now on         saga.step_failed      a row failed, or nobody knows
    saga.committed       it passed its pivot              saga.step_skipped     a row was not taken, or not waited for
    saga.needs_person    something of it needs a person   saga.step_undone      a compensation is done
    saga.needs_nobody    nothing of it does any more      saga.ended            it is completed, compensated, …
    saga.paused, saga.resumed, saga.reopened

They are read off the moves of a transaction, so a saga's code has nothing to do for them. A step's own events come from
`ctx.publish`. Their data names things and holds no input, no result and no words of a participant: events leave the
house.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

OWN = "saga."
"""What the types of a saga's own events begin with; no step may publish such a one."""
LONGEST_TYPE = 100
STEPS = {
    "succeeded": "saga.step_succeeded",
    "failed": "saga.step_failed",
    "unknown": "saga.step_failed",
    "skipped": "saga.step_skipped",
    "timed_out": "saga.step_skipped",
    "undone": "saga.step_undone",
}
Columns = Mapping[str, Any]
_TYPE = re.compile(r"[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*")


@dataclass(frozen=True, kw_only=True)
class Fact:
    """Something that happened: its type, what is to be known of it, and what it is about, if that is not the saga."""

    type: str
    data: Any
    subject: str = ""


def check_type(given: object) -> str:
    """A type that a step may publish. Raises `ValueError` with a sentence."""
    if not isinstance(given, str) or not _TYPE.fullmatch(given) or len(given) > LONGEST_TYPE:
        raise ValueError(
            f"{given!r} is no type of an event; write words joined by dots, such as 'stock.reserved', "
            f"at most {LONGEST_TYPE} characters."
        )
    if given.startswith(OWN):
        raise ValueError(f"{given!r} begins with {OWN!r}, as what sagas tell by themselves does; choose another.")
    return given


def wanted(patterns: Iterable[str], given: str) -> bool:
    """Does one of the patterns, such as "saga.*", take that type?"""
    return any(fnmatchcase(given, pattern) for pattern in patterns)


def lifecycle(before: Columns, after: Columns, moves: Sequence[Columns]) -> Iterator[Fact]:
    """What a transaction is to the world: the saga's columns before and after it, and its moves."""
    if before["state"] == "pending" and any(move.get("saga") == "running" for move in moves):
        yield Fact(type="saga.started", data={})
    if before["ended_at"] is not None and after["ended_at"] is None:
        yield Fact(type="saga.reopened", data={})
    for move in moves:
        yield from _of_move(move)
    yield from _of_saga(before, after)


def _of_move(move: Columns) -> Iterator[Fact]:
    if "incident" in move:
        if move.get("again"):
            return
        known = {name: move[name] for name in ("step", "item", "code")}
        yield Fact(type="saga.needs_person", data={**known, "reason": move["incident"]})
    elif "step" in move and move.get("did") in STEPS and "state" in move:
        known = {name: move[name] for name in ("step", "item", "state", "happened")}
        yield Fact(type=STEPS[move["did"]], data=known | ({"code": move["code"]} if move.get("code") else {}))


def _of_saga(before: Columns, after: Columns) -> Iterator[Fact]:
    failure = after["failure"] or {}
    why = {name: failure[name] for name in ("step", "item", "code") if name in failure}
    if before["committed_at"] is None and after["committed_at"] is not None:
        yield Fact(type="saga.committed", data={})
    if before["going"] == "forward" and after["going"] == "back":
        yield Fact(type="saga.turned_back", data={"cause": str(after["cause"]), **why})
    if bool(before["paused_at"]) != bool(after["paused_at"]):
        yield Fact(type="saga.paused" if after["paused_at"] else "saga.resumed", data={})
    if before["open_incidents"] and not after["open_incidents"]:
        yield Fact(type="saga.needs_nobody", data={})
    if before["ended_at"] is None and after["ended_at"] is not None:
        cause = {"cause": str(after["cause"]), **why} if after["cause"] else {}
        yield Fact(type="saga.ended", data={"state": str(after["state"]), **cause})
