"""What was measured, and what it says."""

from collections.abc import Iterator
from dataclasses import dataclass
from statistics import median

from benchmarks.growth.size import EMPTY

INSERT = "the insert of a start"
"""The one statement that a start comes to; what starts cost is told as a multiple of it."""
WITH_KEY = "the inserts of a start under a key"
"""The transaction that a start with an `Idempotency-Key` comes to: the key, and then the same statement."""
FLOOR = "an empty call over REST"
"""A view of the REST framework that does nothing, behind the same middleware: what no call over REST can be below."""
OVER_REST, OVER_REST_WITH_KEY = "start over REST", "start over REST under a key"
STARTS = {"start": INSERT, OVER_REST: INSERT, OVER_REST_WITH_KEY: WITH_KEY, FLOOR: INSERT}
"""What is told as a multiple of what."""


@dataclass(frozen=True, kw_only=True)
class Timed:
    """One act, in one round, over one size: seconds for each, and what of it was processor time, here and there."""

    act: str
    size: str
    round: int
    seconds: float
    here: float
    database: float
    log: float
    """Bytes that PostgreSQL wrote ahead."""


@dataclass(frozen=True, kw_only=True)
class Beside:
    """An act and what it is told as a multiple of, done in turn in one round: the medians, in seconds."""

    act: str
    other: str
    size: str
    round: int
    seconds: float
    other_seconds: float

    @property
    def times(self) -> float:
        return self.seconds / self.other_seconds


@dataclass(frozen=True, kw_only=True)
class Looked:
    """The statements of one act over one size: the blocks they read, by which indexes, and what is read through."""

    act: str
    size: str
    statements: int
    blocks: int
    indexes: tuple[str, ...]
    read_through: tuple[str, ...]


def ratios(measured: list[Timed], act: str, size: str) -> list[float]:
    """How many times the empty tables' rate, round by round: a busy machine slows both."""
    by_round = {(one.size, one.round): one.seconds for one in measured if one.act == act}
    rounds = sorted(round_ for of, round_ in by_round if of == size)
    return [by_round[EMPTY.name, number] / by_round[size, number] for number in rounds]


def middle(measured: list[Timed], act: str, size: str, what: str = "seconds") -> float | None:
    """The median of the rounds."""
    found: list[float] = [getattr(one, what) for one in measured if (one.act, one.size) == (act, size)]
    return median(found) if found else None


def names(measured: list[Timed]) -> Iterator[str]:
    yield from dict.fromkeys(one.act for one in measured)
