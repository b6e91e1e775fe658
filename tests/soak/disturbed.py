"""When what was wrong: the faults as they happened."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from tests.soak.kinds import KINDS, Part

AFTERWARDS = timedelta(seconds=15)
"""So long after the database was away nobody is declared gone: it must have answered for a while before."""


@dataclass(frozen=True, kw_only=True)
class Disturbance:
    """One fault: what, from when to when, and what it met."""

    kind: str
    began: datetime
    ended: datetime
    note: str

    @property
    def touches(self) -> frozenset[Part]:
        return KINDS[self.kind].touches

    def overlaps(self, began: datetime, ended: datetime) -> bool:
        return self.began <= ended and began <= self.ended


def touched(faults: Iterable[Disturbance], began: datetime, ended: datetime) -> set[Part]:
    """The parts that a fault touched within that time."""
    return {part for fault in faults if fault.overlaps(began, ended) for part in fault.touches}


def was_disturbed(faults: Sequence[Disturbance], part: Part, began: datetime, ended: datetime) -> bool:
    """Whether a fault of that part fell into that time, or ended shortly before."""
    return part in touched(faults, began - AFTERWARDS, ended)


def now() -> datetime:
    return datetime.now(UTC)
