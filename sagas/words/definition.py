"""A saga's table as a value: its rows, where each stands, and what tells one table from another."""

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cached_property
from typing import Any, Literal

from pydantic import BaseModel

from sagas.words.rows import GROUPS, Approval, Each, Function, Group, Parallel, Row, Step, Wait
from sagas.words.sensitive import is_sensitive, returned_by

OnCompensationStuck = Literal["block", "continue"]


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where a row stands: its path, its top-level row, and the paths of the groups around it from the outside in.

    A path is the row's name; a `parallel` without one is named after where it stands ("parallel_2", "parallel_2_0").
    """

    row: Row
    path: str
    top: int
    groups: tuple[str, ...]

    @property
    def step(self) -> Step:
        if not isinstance(self.row, Step):
            raise TypeError(f"{self.path} is a {self.row.kind}, not a step.")
        return self.row

    @property
    def group(self) -> Group:
        if not isinstance(self.row, GROUPS):
            raise TypeError(f"{self.path} is a {self.row.kind}, not a group.")
        return self.row


@dataclass(frozen=True, kw_only=True)
class Definition:
    """A saga type: a name, a version and a table of rows. Built by `saga`."""

    name: str
    rows: tuple[Row, ...]
    version: int = 1
    input: type[BaseModel] | None = None
    deadline: timedelta | None = None
    on_compensation_stuck: OnCompensationStuck = "block"
    owner: str = ""
    runbook: str = ""
    summary: Function | None = None
    strays: tuple[str, ...] = field(default=(), repr=False)

    @cached_property
    def places(self) -> Mapping[str, Place]:
        """Every row by its path, groups before their members."""
        return {place.path: place for place in self.walk()}

    @cached_property
    def members(self) -> Mapping[str, tuple[str, ...]]:
        """The paths of each group's direct members."""
        found: dict[str, tuple[str, ...]] = {p.path: () for p in self.walk() if isinstance(p.row, GROUPS)}
        for place in self.walk():
            if place.groups:
                found[place.groups[-1]] += (place.path,)
        return found

    @cached_property
    def tops(self) -> tuple[str, ...]:
        """The paths of the rows of the table itself."""
        return tuple(place.path for place in self.walk() if not place.groups)

    @cached_property
    def steps(self) -> tuple[Step, ...]:
        """All steps in table order."""
        return tuple(place.row for place in self.walk() if isinstance(place.row, Step))

    @cached_property
    def pivots(self) -> tuple[Place, ...]:
        """The points of no return: one at most, where nothing is wrong in the table."""
        return tuple(place for place in self.walk() if isinstance(place.row, Step) and place.row.pivot)

    @cached_property
    def has_lists(self) -> bool:
        """Is there an `each` in it?"""
        return any(isinstance(place.row, Each) for place in self.walk())

    @cached_property
    def is_sensitive(self) -> bool:
        """Is anything that its sagas are given, or give, marked as sensitive?"""
        return is_sensitive(self.input) or any(map(has_secrets, (place.row for place in self.walk())))

    @cached_property
    def fingerprint(self) -> str:
        """Names, order and shapes of the rows as 16 hex digits; the bodies of functions may change freely."""
        shape = json.dumps([row.shape() for row in self.rows], separators=(",", ":"))
        return hashlib.sha256(shape.encode()).hexdigest()[:16]

    @cached_property
    def queues(self) -> frozenset[str]:
        return frozenset(place.row.queue for place in self.walk() if not isinstance(place.row, GROUPS))

    def within(self, path: str) -> tuple[str, ...]:
        """The paths of a row and, of a group, of everything in it."""
        return tuple(p.path for p in self.walk() if p.path == path or path in p.groups)

    def walk(self) -> Iterator[Place]:
        """All rows in table order, each with its place."""
        for index, row in enumerate(self.rows):
            yield from _places(row, index, str(index), ())


def type_of(row: Row) -> Any:
    """The type of what comes to a row, or from it, as far as it is known."""
    match row:
        case Wait(schema=model) | Approval(form=model):
            return model
        case Step(action=action):
            return returned_by(action)
    return None


def has_secrets(row: Row) -> bool:
    """Is anything of what comes to a row, or from it, marked as sensitive?"""
    return is_sensitive(type_of(row))


def _places(row: Row, top: int, index: str, groups: tuple[str, ...]) -> Iterator[Place]:
    path = row.name or (f"parallel_{index}" if isinstance(row, Parallel) else "")
    yield Place(row=row, path=path, top=top, groups=groups)
    if isinstance(row, Parallel | Each):
        for number, member in enumerate(row.rows):
            yield from _places(member, top, f"{index}_{number}", (*groups, path))
