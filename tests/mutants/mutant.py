"""A mistake, and how it is put into production code for a while."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

Change = tuple[Any, str, Any]


@dataclass(frozen=True)
class Mutant:
    """A mistake by its name; the level of the tests at which it must die, within so many runs.

    `where` narrows the level down: the courses whose names have that, or the scenario.
    """

    name: str
    changes: tuple[Change, ...]
    level: str
    where: str = ""
    events: tuple[str, ...] = ("dies",)
    runs: int = 60

    def __str__(self) -> str:
        return self.name

    def loose(self) -> AbstractContextManager[None]:
        """Within this context production code makes this mistake."""
        return changed(*self.changes)


@contextmanager
def changed(*changes: Change) -> Iterator[None]:
    """Within this context these names stand for something else: (owner, name, what)."""
    with ExitStack() as stack:
        for owner, name, by in changes:
            before = vars(owner)[name]
            setattr(owner, name, by)
            stack.callback(setattr, owner, name, before)
        yield


def around(original: Callable[..., Any], then: Callable[..., Any]) -> Callable[..., Any]:
    """`then` instead of it, given the original as its first argument."""

    def mutant(*arguments: Any, **named: Any) -> Any:
        return then(original, *arguments, **named)

    return mutant


def nothing(*arguments: Any, **named: Any) -> None:
    """Does nothing."""
