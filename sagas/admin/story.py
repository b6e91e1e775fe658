"""The journal as people read it."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sagas.models import Journal

LONGEST_ERROR = 200


@dataclass(frozen=True)
class Line:
    """One transaction: when, who, and what it moved, as pairs of what and how."""

    at: datetime
    actor: str
    moves: list[tuple[str, str]]


def told(entries: Iterable[Journal]) -> Iterator[Line]:
    """The entries of a journal, a line each."""
    for entry in entries:
        yield Line(entry.at, _who(entry.actor), [_move(move) for move in entry.moves])


def _who(actor: str) -> str:
    """Workers sign with their id; its end is enough to tell one from another."""
    try:
        return f"worker …{UUID(actor).hex[-6:]}"
    except ValueError:
        return actor


def _move(move: dict[str, Any]) -> tuple[str, str]:
    match move:
        case {"saga": state}:
            return "the saga", f"is {state}"
        case {"incident": reason, "step": step}:
            return step or "the saga", f"needs a person ({reason})"
        case {"step": step, "did": did, "error": str(error)} if error:
            return step, f"{did}: {error[:LONGEST_ERROR].rstrip('.')}"
        case {"step": step, "did": did}:
            return step, did
    return ", ".join(map(str, move)), "was noted"
