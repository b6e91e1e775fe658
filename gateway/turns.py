"""Who does the same thing at the same time, in this process: one does it, and the others wait without a connection.

    with turns.turn(name, patience) as rest:
        …                   # once at a time; who came meanwhile goes on when this is over

A row that somebody is about to commit lets others wait inside the database, each with a connection: ten callers who are
impatient about one request take all that a process has, and whoever does something else finds the database out.
"""

import threading
import time
from collections.abc import Hashable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta

from gateway.borrowing import give_back


class TooLong(Exception):
    """The one who is at it was not through in time."""


@dataclass(eq=False)
class _Turn:
    over: threading.Event = field(default_factory=threading.Event)
    went_well: bool = False


class Turns:
    """What is being done, by name."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._taken: dict[Hashable, _Turn] = {}

    @contextmanager
    def turn(self, name: Hashable, patience: timedelta) -> Iterator[timedelta]:
        """Be the one who does it, or come after the one who did: what is left of the patience then.

        When it went well, all who have waited go on together: what they find now is there. When it raised, one of them
        is the next to do it. Raises `TooLong`.
        """
        end = time.monotonic() + patience.total_seconds()
        mine = _Turn()
        while (first := self._first(name, mine)) is not mine:
            give_back()
            if not first.over.wait(max(0.0, end - time.monotonic())):
                raise TooLong
            if first.went_well:
                break
        try:
            yield max(timedelta(0), timedelta(seconds=end - time.monotonic()))
            mine.went_well = True
        finally:
            self._leave(name, mine)

    def _first(self, name: Hashable, mine: _Turn) -> _Turn:
        with self._lock:
            return self._taken.setdefault(name, mine)

    def _leave(self, name: Hashable, mine: _Turn) -> None:
        with self._lock:
            if self._taken.get(name) is mine:
                del self._taken[name]
        mine.over.set()


_turns = Turns()
turn = _turns.turn
