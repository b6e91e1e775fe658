"""The algorithm: from a definition and a position to the next moves. Pure.

Forward, what happened to one row is folded into the saga's position, so that a step costs the same in a saga of
five rows and in one of two thousand items. On the way back the steps form a stack by the order in which they started,
and its top alone decides.

    begin     →  Do                                                   the first row opens
    forward   →  Do | Close | Drop | TurnBack | Hold | Finish ...     a row passed, failed, was entered, is held
    backward  →  Compensate | Await | Rest | Finish                   what the top of the stack asks for
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any

from sagas.words.definition import Definition
from sagas.words.rows import GROUPS, Each, Parallel


class Event(StrEnum):
    """What happened to a row, as far as the saga is concerned."""

    ENTERED = "entered"
    """A group's functions were asked: it begins."""
    PASSED = "passed"
    """It succeeded, was skipped, or went on without an answer."""
    FAILED = "failed"
    """It failed for good."""
    HELD = "held"
    """A person must look at it; its siblings go on."""
    FREED = "freed"
    """A held row is at work again."""


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
class Count:
    """How a group stands: its members, how many of them began, ended, passed, and are held."""

    total: int
    begun: int
    ended: int = 0
    passed: int = 0
    held: int = 0

    @property
    def working(self) -> int:
        return self.begun - self.ended - self.held

    @property
    def failed(self) -> int:
        return self.ended - self.passed


@dataclass(frozen=True, kw_only=True)
class Position:
    """Where a saga stands: its row of the table, and how each open group stands."""

    row: int = 0
    groups: Mapping[str, Count] = field(default_factory=dict)

    def dump(self) -> dict[str, Any]:
        counts = {path: [c.total, c.begun, c.ended, c.passed, c.held] for path, c in self.groups.items()}
        return {"row": self.row, "groups": counts}

    @classmethod
    def load(cls, stored: Mapping[str, Any]) -> "Position":
        names = ("total", "begun", "ended", "passed", "held")
        counts = stored.get("groups", {})
        groups = {path: Count(**dict(zip(names, count, strict=True))) for path, count in counts.items()}
        return cls(row=stored["row"], groups=groups)


@dataclass(frozen=True, kw_only=True)
class Begin:
    """A row begins; `item` is its number where it is the step of an `each`."""

    path: str
    item: int = 0


@dataclass(frozen=True, kw_only=True)
class Do:
    """These rows begin."""

    rows: tuple[Begin, ...]


@dataclass(frozen=True, kw_only=True)
class Close:
    """A group has passed, or failed."""

    path: str
    passed: bool


@dataclass(frozen=True, kw_only=True)
class Drop:
    """These rows do not count any more: what has not begun never will, what runs is a loser, and what they did is
    undone at once. `item` names one of an `each`'s; `finished` says that rows which succeeded are meant as well.
    """

    paths: tuple[str, ...]
    item: int | None = None
    finished: bool = True


@dataclass(frozen=True, kw_only=True)
class TurnBack:
    """The saga goes back."""


@dataclass(frozen=True, kw_only=True)
class Hold:
    """It failed past the point of no return: a person must look."""


@dataclass(frozen=True, kw_only=True)
class Await:
    """Something is under way; its end will decide."""


@dataclass(frozen=True, kw_only=True)
class Compensate:
    """This is undone now."""


@dataclass(frozen=True, kw_only=True)
class Finish:
    """All is done, once nothing is under way any more."""


@dataclass(frozen=True, kw_only=True)
class Rest:
    """Nothing moves until a person has looked."""


Onward = Do | Close | Drop | TurnBack | Hold | Finish
Backward = Compensate | Await | Finish | Rest


def begin(definition: Definition) -> tuple[Position, tuple[Onward, ...]]:
    """The position and the moves of a saga that starts."""
    return _open(definition, Position(), 0)


def forward(
    definition: Definition,
    position: Position,
    path: str,
    event: Event,
    *,
    item: int = 0,
    items: int = 0,
    committed: bool = False,
) -> tuple[Position, tuple[Onward, ...]]:
    """Fold what happened to a row into the position; what is to be done next.

    `item` is its number in an `each`, `items` how many there are when an `each` is entered; `committed` says that the
    pivot has passed, so that nothing turns back.
    """
    match event:
        case Event.ENTERED:
            position, begun = _enter(definition, position, path, items)
            if begun:
                return position, (Do(rows=begun),)
            closed = _without(definition, position, path)
            rest, moves = _fold(definition, closed, path, item, True, committed)
            return rest, (Close(path=path, passed=True), *moves)
        case Event.HELD | Event.FREED:
            return _holding(definition, position, path, 1 if event is Event.HELD else -1)
    return _fold(definition, position, path, item, event is Event.PASSED, committed)


@dataclass(frozen=True, kw_only=True)
class Top:
    """The step that started last among those not settled: is an attempt of its action under way, and its way back."""

    running: bool
    undo: Undo


def backward(tops: Iterable[Top]) -> Backward:
    """What the top of the stack asks for: one step, the members of a group that is undone side by side, or nothing."""
    place = list(tops)
    if not place:
        return Finish()
    if any(top.running for top in place):
        return Await()
    if any(top.undo is Undo.OWED for top in place):
        return Compensate()
    return Await() if any(top.undo in (Undo.DUE, Undo.RUNNING) for top in place) else Rest()


def _fold(
    definition: Definition, position: Position, path: str, item: int, passed: bool, committed: bool
) -> tuple[Position, tuple[Onward, ...]]:
    """A row has ended; so may have, from the inside out, the groups around it."""
    before, child = position, path
    moves: list[Onward] = []
    for group in reversed(definition.places[path].groups):
        count = position.groups[group]
        count = replace(count, ended=count.ended + 1, passed=count.passed + passed)
        position = _with(position, group, count)
        decided = _decided(definition.places[group].group, count)
        if decided is None:
            if not passed:
                moves.append(_tolerate(definition, child, item))
            position, more = _next_item(definition, position, group)
            return position, (*moves, *more)
        if decided and count.ended < count.total:
            moves.extend(_call_off(definition, position, group, child))
        if decided and not passed:
            moves.append(_tolerate(definition, child, item))
        position = _without(definition, position, group)
        moves.append(Close(path=group, passed=decided))
        child, passed = group, decided
    if not passed:
        return (before, (Hold(),)) if committed else (position, (*moves, TurnBack()))
    position, more = _open(definition, position, position.row + 1)
    return position, (*moves, *more)


def _decided(row: Parallel | Each, count: Count) -> bool | None:
    """Has the group succeeded, failed, or neither yet?"""
    need = row.join or count.total if isinstance(row, Parallel) else count.total - row.max_failures
    if count.failed > count.total - need:
        return False
    early = isinstance(row, Parallel) and row.join is not None and count.passed >= need
    return True if early or count.ended == count.total else None


def _tolerate(definition: Definition, path: str, item: int) -> Drop:
    """A member that failed where some may: what it did is undone at once."""
    return Drop(paths=definition.within(path), item=item if _is_item(definition, path) else None)


def _call_off(definition: Definition, position: Position, group: str, winner: str) -> Iterator[Drop]:
    """The members that are still undecided when enough others have succeeded."""
    for member in definition.members[group]:
        if member == winner:
            continue
        if isinstance(definition.places[member].row, GROUPS):
            if member in position.groups or definition.places[member].row.asks:
                yield Drop(paths=definition.within(member), finished=member in position.groups)
        else:
            yield Drop(paths=(member,), finished=False)


def _holding(definition: Definition, position: Position, path: str, by: int) -> tuple[Position, tuple[Onward, ...]]:
    """A held member leaves its place to the next item, and comes back beside it."""
    groups = definition.places[path].groups
    if not groups:
        return position, ()
    count = position.groups[groups[-1]]
    position = _with(position, groups[-1], replace(count, held=count.held + by))
    return _next_item(definition, position, groups[-1])


def _next_item(definition: Definition, position: Position, group: str) -> tuple[Position, tuple[Onward, ...]]:
    row, count = definition.places[group].row, position.groups[group]
    if not isinstance(row, Each) or count.begun == count.total or count.working >= row.concurrency:
        return position, ()
    begun = Begin(path=row.step.name, item=count.begun)
    return _with(position, group, replace(count, begun=count.begun + 1)), (Do(rows=(begun,)),)


def _open(definition: Definition, position: Position, top: int) -> tuple[Position, tuple[Onward, ...]]:
    position = replace(position, row=top)
    if top == len(definition.tops):
        return position, (Finish(),)
    position, begun = _start(definition, position, definition.tops[top])
    return position, (Do(rows=begun),)


def _start(definition: Definition, position: Position, path: str) -> tuple[Position, tuple[Begin, ...]]:
    """A row begins: by asking its functions, by its members, or by itself."""
    row = definition.places[path].row
    if isinstance(row, Parallel) and not row.asks:
        return _enter(definition, position, path, 0)
    return position, (Begin(path=path),)


def _enter(definition: Definition, position: Position, path: str, items: int) -> tuple[Position, tuple[Begin, ...]]:
    row = definition.places[path].row
    if isinstance(row, Each):
        begun = min(items, row.concurrency)
        position = _with(position, path, Count(total=items, begun=begun))
        return position, tuple(Begin(path=row.step.name, item=item) for item in range(begun))
    members = definition.members[path]
    position = _with(position, path, Count(total=len(members), begun=len(members)))
    rows: tuple[Begin, ...] = ()
    for member in members:
        position, more = _start(definition, position, member)
        rows += more
    return position, rows


def _with(position: Position, group: str, count: Count) -> Position:
    return replace(position, groups={**position.groups, group: count})


def _without(definition: Definition, position: Position, group: str) -> Position:
    """The group and all within it have ended."""
    ended = definition.within(group)
    return replace(position, groups={path: count for path, count in position.groups.items() if path not in ended})


def _is_item(definition: Definition, path: str) -> bool:
    groups = definition.places[path].groups
    return bool(groups) and isinstance(definition.places[groups[-1]].row, Each)
