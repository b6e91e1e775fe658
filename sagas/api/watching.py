"""Requests that wait for a saga to move. They hold a thread each, and no database connection.

At most `SAGAS["LONG_POLLS"]` requests of a process wait at a time, fewer than it has threads, so that others always
find one: whoever comes beyond that is answered at once.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from uuid import UUID

from gateway import problems, pulse
from gateway.borrowing import borrowed
from sagas.conf import conf
from sagas.operations.waiting import Wanted, watcher

ANSWERS_AT_ONCE = 4


class Places:
    """The places among those that may wait in this process."""

    def __init__(self) -> None:
        self._counting = threading.Lock()
        self.taken = 0

    @contextmanager
    def one(self) -> Iterator[bool]:
        """A place; False when all are taken."""
        with self._counting:
            free = self.taken < conf().long_polls
            self.taken += free
        try:
            yield free
        finally:
            with self._counting:
                self.taken -= free


places = Places()
_answering = threading.BoundedSemaphore(ANSWERS_AT_ONCE)


def until_not(state: str) -> Wanted:
    """Whether the saga is in another state than that."""
    return lambda seen: seen.state != state


@contextmanager
def in_turn() -> Iterator[None]:
    """A request's turn to read what it has waited for. Raises a 503 problem when the database is away.

    A few read at a time: two hundred that are woken together would leave no connection to anybody else, and the last of
    them would wait for one in vain.
    """
    with _answering, borrowed():
        if not pulse.database_answers():
            raise problems.database_out()
        yield


def await_saga(saga: UUID, wanted: Wanted, timeout: timedelta) -> None:
    """Hold the request until the saga is as wanted or the time is up; not at all where too many wait already."""
    with places.one() as free:
        if free:
            watcher.wait(saga, wanted, timeout)
