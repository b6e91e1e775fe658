"""Requests that wait for a saga to move. They hold a thread each, and no database connection.

One thread of the process looks at all awaited sagas in one query, five times a second while there are any, and wakes
the requests whose saga is where they want it. At most `SAGAS["LONG_POLLS"]` requests of a process wait at a time, fewer
than it has threads, so that others always find one: whoever comes beyond that is answered at once.
"""

import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from uuid import UUID

from django.db import connections

from gateway import problems, pulse
from gateway.borrowing import borrowed, give_back
from sagas.conf import conf
from sagas.models import Saga

logger = logging.getLogger(__name__)

ANSWERS_AT_ONCE = 4
LOOK_EVERY = timedelta(seconds=0.2)
AFTER_A_FAILURE = timedelta(seconds=1)


@dataclass(frozen=True, kw_only=True, slots=True)
class Seen:
    """How a saga stands."""

    state: str
    rev: int
    ended: bool


Wanted = Callable[[Seen], bool]


@dataclass(eq=False)
class _Wait:
    saga: UUID
    wanted: Wanted
    over: threading.Event = field(default_factory=threading.Event)


class Watcher:
    """Whoever waits in this process, and the thread that looks for all of them; it ends when nobody is left."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._waits: set[_Wait] = set()
        self._thread: threading.Thread | None = None
        self._places = 0

    @contextmanager
    def place(self) -> Iterator[bool]:
        """A place among those that may wait; False when all are taken."""
        with self._changed:
            free = self._places < conf().long_polls
            self._places += free
        try:
            yield free
        finally:
            with self._changed:
                self._places -= free

    def wait(self, saga: UUID, wanted: Wanted, timeout: timedelta) -> bool:
        """Wait until the saga is as wanted, or is gone; False when the time is over first."""
        give_back()
        mine = _Wait(saga, wanted)
        with self._changed:
            self._waits.add(mine)
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(target=self._run, name="watcher of sagas", daemon=True)
                self._thread.start()
        try:
            return mine.over.wait(timeout.total_seconds())
        finally:
            with self._changed:
                self._waits.discard(mine)
                self._changed.notify_all()

    def _run(self) -> None:
        try:
            while waits := self._present():
                pause = self._look(waits)
                with self._changed:
                    self._changed.wait_for(lambda: not self._waits, pause.total_seconds())
        finally:
            connections.close_all()

    def _present(self) -> list[_Wait]:
        with self._changed:
            if not self._waits:
                self._thread = None  # whoever comes from here on starts another one
            return list(self._waits)

    def _look(self, waits: list[_Wait]) -> timedelta:
        try:
            with borrowed():
                rows = Saga.objects.filter(pk__in={wait.saga for wait in waits})
                found = {pk: (state, rev, ended) for pk, state, rev, ended in rows.values_list(*COLUMNS)}
        except Exception as error:
            logger.warning("Awaited sagas could not be looked at: %s", str(error).strip())
            return AFTER_A_FAILURE
        for wait in waits:
            if wait.saga not in found:
                wait.over.set()
                continue
            state, rev, ended = found[wait.saga]
            if wait.wanted(Seen(state=state, rev=rev, ended=ended is not None)):
                wait.over.set()
        return LOOK_EVERY


COLUMNS = ("pk", "state", "rev", "ended_at")
watcher = Watcher()
_answering = threading.BoundedSemaphore(ANSWERS_AT_ONCE)


def until_ended(seen: Seen) -> bool:
    """Whether the saga has ended."""
    return seen.ended


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
    with watcher.place() as free:
        if free:
            watcher.wait(saga, wanted, timeout)
