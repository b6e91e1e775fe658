"""The algorithm: from a definition and a position to the next move. Pure.

Forward, what happened to one step is folded into the saga's position, so that a step costs the same in a saga of
five rows and in one of two thousand. On the way back the steps form a stack by the order in which they started,
and its top alone decides.

    begin     →  Do                                          the first row opens
    forward   →  Do | Await | TurnBack | Finish | Rest       a step succeeded, failed, is held, is due again
    backward  →  Compensate | Await | Rest | Finish          what the top of the stack asks for
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any

from sagas.definition import Definition


class Event(StrEnum):
    """What happened to a step, as far as the saga is concerned."""

    PASSED = "passed"
    """It succeeded or was skipped."""
    FAILED = "failed"
    """It failed for good."""
    HELD = "held"
    """A person must look at it; its siblings go on."""
    FREED = "freed"
    """A held step is due again."""
    AGAIN = "again"
    """It is, or stays, due."""


class Undo(StrEnum):
    """The way back of one step."""

    NONE = "none"
    OWED = "owed"
    DUE = "due"
    RUNNING = "running"
    DONE = "done"
    STUCK = "stuck"
    UNNEEDED = "unneeded"
    WAIVED = "waived"


@dataclass(frozen=True, kw_only=True)
class Position:
    """Where a saga stands: its row, the members still open in each group, and how many steps are busy or held."""

    row: int = 0
    open: Mapping[str, int] = field(default_factory=dict)
    busy: int = 0
    held: int = 0

    def dump(self) -> dict[str, Any]:
        return {"row": self.row, "open": dict(self.open), "busy": self.busy, "held": self.held}

    @classmethod
    def load(cls, stored: Mapping[str, Any]) -> "Position":
        return cls(**stored)


@dataclass(frozen=True, kw_only=True)
class Do:
    """These steps begin."""

    steps: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Await:
    """Something is under way; its end will decide."""


@dataclass(frozen=True, kw_only=True)
class TurnBack:
    """The saga goes back because of this step."""

    step: str


@dataclass(frozen=True, kw_only=True)
class Compensate:
    """This is undone now."""


@dataclass(frozen=True, kw_only=True)
class Finish:
    """All is done."""


@dataclass(frozen=True, kw_only=True)
class Rest:
    """Nothing moves until a person has looked."""


Move = Do | Await | TurnBack | Compensate | Finish | Rest


def begin(definition: Definition) -> tuple[Position, Move]:
    """The position and the move of a saga that starts."""
    return _open(definition, Position(), 0)


def forward(definition: Definition, position: Position, step: str, event: Event) -> tuple[Position, Move]:
    """Fold what happened to `step` into the position; what is to be done next."""
    match event:
        case Event.AGAIN:
            return position, Await()
        case Event.FREED:
            return replace(position, busy=position.busy + 1, held=position.held - 1), Await()
        case Event.HELD:
            position = replace(position, busy=position.busy - 1, held=position.held + 1)
            return position, Await() if position.busy else Rest()
        case Event.FAILED:
            return replace(position, busy=position.busy - 1), TurnBack(step=step)
    position = replace(position, busy=position.busy - 1)
    return _close(definition, position, definition.places[step].groups)


@dataclass(frozen=True, kw_only=True)
class Top:
    """The step that started last among those not settled: is an attempt of its action under way, and its way back."""

    running: bool
    undo: Undo


def backward(top: Top | None) -> Move:
    """What the top of the stack asks for; `None` is an empty stack."""
    if top is None:
        return Finish()
    if top.running or top.undo in (Undo.DUE, Undo.RUNNING):
        return Await()
    return Rest() if top.undo is Undo.STUCK else Compensate()


def _close(definition: Definition, position: Position, groups: tuple[str, ...]) -> tuple[Position, Move]:
    """A member of the innermost of these groups has passed; a group that is empty now passes as well."""
    still_open = dict(position.open)
    for group in reversed(groups):
        still_open[group] -= 1
        if still_open[group]:
            position = replace(position, open=still_open)
            return position, Await() if position.busy else Rest()
        del still_open[group]
    return _open(definition, replace(position, open=still_open), position.row + 1)


def _open(definition: Definition, position: Position, row: int) -> tuple[Position, Move]:
    if row == len(definition.rows):
        return replace(position, row=row), Finish()
    steps = tuple(definition.steps_of(row))
    groups = {group: size for group, size in definition.sizes.items() if group.partition(".")[0] == str(row)}
    return replace(position, row=row, open=groups, busy=position.busy + len(steps)), Do(steps=steps)
