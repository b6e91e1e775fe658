"""The table as it is played: every function of a step goes through the world, which may let it do its work."""

from collections.abc import Callable
from dataclasses import replace
from functools import wraps
from typing import Any, TypeVar

from sagas.words.definition import Definition
from sagas.words.rows import Child, Each, Parallel, Row, Step

Function = Callable[[Any], Any]
Play = Callable[[Function, Any], Any]
AnyFunction = TypeVar("AnyFunction", Function, Function | None)


def staged(table: Definition, play: Play) -> Definition:
    """The same table, with the same fingerprint, whose functions are called as `play(function, ctx)`."""
    return replace(table, rows=tuple(_row(row, play) for row in table.rows))


def _row(row: Row, play: Play) -> Row:
    match row:
        case Step():
            return _step(row, play)
        case Parallel():
            return replace(row, rows=tuple(_row(member, play) for member in row.rows))
        case Each():
            return replace(row, step=_step(row.step, play))
        case Child():
            return replace(row, definition=staged(row.definition, play))
    return row


def _step(row: Step, play: Play) -> Step:
    return replace(
        row,
        action=_function(row.action, play),
        compensation=_function(row.compensation, play),
        probe=_function(row.probe, play),
    )


def _function(function: AnyFunction, play: Play) -> AnyFunction:
    if function is None:
        return function

    @wraps(function)
    def on_stage(ctx: Any) -> Any:
        return play(function, ctx)

    return on_stage
