"""A saga's table as a value: its rows, where each stands, and what tells one table from another."""

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cached_property
from typing import Any, Literal

from pydantic import BaseModel

from sagas.retry import PATIENT, STANDARD, Retry

Function = Callable[..., Any]
OnExhausted = Literal["compensate", "suspend", "skip"]


@dataclass(frozen=True, kw_only=True)
class Step:
    """One action at a participant and, on the same row, what undoes it. Built by `step`."""

    name: str
    action: Function
    compensation: Function | None = None
    no_compensation: str = ""
    probe: Function | None = None
    probe_after: timedelta | None = None
    probe_is_final: bool = False
    retry: Retry = STANDARD
    compensation_retry: Retry = PATIENT
    timeout: timedelta | None = timedelta(seconds=30)
    total: timedelta | None = timedelta(minutes=15)
    heartbeat: timedelta | None = None
    queue: str = "sagas"
    on_exhausted: OnExhausted = "compensate"
    idempotent: bool = True
    optional: bool = False
    reads_only: bool = False

    @property
    def owes(self) -> bool:
        """Does claiming this step promise a compensation?"""
        return self.compensation is not None and not self.reads_only

    @property
    def exhausted(self) -> OnExhausted:
        """What running out of attempts means; an optional step is skipped unless it says otherwise."""
        return "skip" if self.optional and self.on_exhausted == "compensate" else self.on_exhausted

    def shape(self) -> list[Any]:
        return ["step", self.name, self.compensation is not None, self.probe is not None, self.reads_only]


@dataclass(frozen=True, kw_only=True)
class Parallel:
    """Rows that run side by side. Built by `parallel`."""

    rows: tuple["Row", ...]
    strays: tuple[str, ...] = field(default=(), repr=False)
    """What was given as a row and is none."""

    def shape(self) -> list[Any]:
        return ["parallel", [row.shape() for row in self.rows]]


Row = Step | Parallel


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where a step stands: its top-level row, and the groups around it from the outside in."""

    step: Step
    row: int
    groups: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Definition:
    """A saga type: a name, a version and a table of rows. Built by `saga`."""

    name: str
    rows: tuple[Row, ...]
    version: int = 1
    input: type[BaseModel] | None = None
    deadline: timedelta | None = None
    owner: str = ""
    runbook: str = ""
    strays: tuple[str, ...] = field(default=(), repr=False)

    @cached_property
    def places(self) -> Mapping[str, Place]:
        """Every step by its name."""
        return {place.step.name: place for place in self.walk()}

    @cached_property
    def sizes(self) -> Mapping[str, int]:
        """How many members each group has, by the group's path ("2", "2.0")."""
        found: dict[str, int] = {}
        for index, row in enumerate(self.rows):
            _measure(row, str(index), found)
        return found

    @cached_property
    def fingerprint(self) -> str:
        """Names, order and shapes of the rows as 16 hex digits; the bodies of functions may change freely."""
        shape = json.dumps([row.shape() for row in self.rows], separators=(",", ":"))
        return hashlib.sha256(shape.encode()).hexdigest()[:16]

    @property
    def queues(self) -> frozenset[str]:
        return frozenset(place.step.queue for place in self.places.values())

    def steps_of(self, row: int) -> list[str]:
        """The names of the steps that begin when a top-level row opens."""
        return [place.step.name for place in self.walk() if place.row == row]

    def walk(self) -> Iterator[Place]:
        """The steps in table order, each with its place."""
        for index, row in enumerate(self.rows):
            yield from _places(row, index, str(index), ())


def _places(row: Row, top: int, path: str, groups: tuple[str, ...]) -> Iterator[Place]:
    if isinstance(row, Step):
        yield Place(step=row, row=top, groups=groups)
        return
    for index, member in enumerate(row.rows):
        yield from _places(member, top, f"{path}.{index}", (*groups, path))


def _measure(row: Row, path: str, found: dict[str, int]) -> None:
    if isinstance(row, Parallel):
        found[path] = len(row.rows)
        for index, member in enumerate(row.rows):
            _measure(member, f"{path}.{index}", found)
