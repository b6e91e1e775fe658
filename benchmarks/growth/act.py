"""Something that is done over the tables, so that it can be timed, and its statements looked at."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, kw_only=True)
class Act:
    """`do` is done to each of the subjects that `prepare` makes ready, as many as it is asked for.

    `rate` says what one of them counts as, for acts that are told as a rate: a saga of five steps is 5. `timed` is how
    often it is done in a round; 0 for what is looked at only.
    """

    name: str
    do: Callable[[Any], object]
    prepare: Callable[[int], Sequence[Any]] = lambda number: [None] * number
    timed: int = 0
    rate: int = 1


def must(held: object, what: str) -> None:
    """Raises `RuntimeError` where an act did not do what it is timed for."""
    if not held:
        raise RuntimeError(f"It is not so that {what}; nothing that was measured would be worth anything.")
