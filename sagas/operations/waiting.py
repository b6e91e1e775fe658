"""Waiting for a saga without a database connection: a thread sleeps until the saga is as it is wanted.

One thread of the process looks at all awaited sagas in one query, and wakes those whose saga is where they want it. How
often it looks at one goes by how long that has been awaited: most sagas that somebody waits for end soon.
"""

import logging
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from uuid import UUID

from django.db import connection, connections

from gateway.borrowing import borrowed, give_back
from sagas.errors import NotFound
from sagas.models import Saga

logger = logging.getLogger(__name__)

SOONEST, LATEST, SHARE = 0.002, 0.2, 0.25
"""Seconds until the next look at a saga: this share of how long it is awaited already, at least and at most so much."""
DEAR = 4
"""And between two looks at least so many times as long as one takes."""
AFTER_A_FAILURE = 1.0
"""Seconds until the next look when the database did not answer."""
COLUMNS = ("pk", "state", "rev", "ended_at")


@dataclass(frozen=True, kw_only=True, slots=True)
class Seen:
    """How a saga stands."""

    state: str
    rev: int
    ended: bool


Wanted = Callable[[Seen], bool]


@dataclass(eq=False)
class Wait:
    """Somebody who waits, since when, and when that saga is looked at next (`time.monotonic()`)."""

    saga: UUID
    wanted: Wanted
    began: float = field(default_factory=time.monotonic)
    over: threading.Event = field(default_factory=threading.Event)
    next_look: float = field(init=False)

    def __post_init__(self) -> None:
        self.next_look = self.began + SOONEST


def pause_after(awaited: float, took: float) -> float:
    """Seconds until the next look at a saga that is awaited for so long, when the last look took so long."""
    return max(SOONEST, DEAR * took, min(SHARE * awaited, LATEST))


class Watcher:
    """Whoever waits in this process, and the thread that looks for all of them; it ends when nobody is left."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._waits: set[Wait] = set()
        self._thread: threading.Thread | None = None
        self._pause = SOONEST

    def wait(self, saga: UUID, wanted: Wanted, timeout: timedelta) -> bool:
        """Wait until the saga is as wanted, or is gone; False when the time is over first."""
        give_back()
        mine = Wait(saga, wanted)
        with self._changed:
            self._waits.add(mine)
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(target=self._run, name="watcher of sagas", daemon=True)
                self._thread.start()
            self._changed.notify_all()
        try:
            return mine.over.wait(timeout.total_seconds())
        finally:
            with self._changed:
                self._waits.discard(mine)
                self._changed.notify_all()

    def _run(self) -> None:
        try:
            while waits := self._present():
                soon = time.monotonic() + self._pause
                due = [wait for wait in waits if wait.next_look <= soon and not wait.over.is_set()]
                if due and min(wait.next_look for wait in due) <= time.monotonic():
                    self._look(due)
                self._sleep()
        finally:
            connections.close_all()

    def _present(self) -> list[Wait]:
        with self._changed:
            if not self._waits:
                self._thread = None  # whoever comes from here on starts another one
            return list(self._waits)

    def _sleep(self) -> None:
        """Until somebody's look is due, or who waits are others."""
        with self._changed:
            next_look = min((wait.next_look for wait in self._waits), default=0.0)
            self._changed.wait(max(0.0, next_look - time.monotonic()))

    def _look(self, waits: Sequence[Wait]) -> None:
        began = time.monotonic()
        found = self._found({wait.saga for wait in waits})
        now = time.monotonic()
        self._pause = pause_after(0, now - began)
        for wait in waits:
            if found is None:
                wait.next_look = now + AFTER_A_FAILURE
                continue
            wait.next_look = now + pause_after(now - wait.began, now - began)
            seen = found.get(wait.saga)
            if seen is None or wait.wanted(seen):
                wait.over.set()

    def _found(self, sagas: set[UUID]) -> dict[UUID, Seen] | None:
        """How they stand; None if the database does not say."""
        try:
            with borrowed():
                rows = Saga.objects.filter(pk__in=sagas).values_list(*COLUMNS)
                return {pk: Seen(state=state, rev=rev, ended=at is not None) for pk, state, rev, at in rows}
        except Exception as error:
            logger.warning("Awaited sagas could not be looked at: %s", str(error).strip())
            return None


watcher = Watcher()


def until_ended(seen: Seen) -> bool:
    """Whether the saga has ended."""
    return seen.ended


def wait_for(saga_id: UUID, timeout: timedelta = timedelta(seconds=10)) -> Saga:
    """Wait until the saga has ended, and return it; when the time is over first, return it as it stands.

    For who began it and cannot go on without the outcome: a page, a command, a test against real workers. A row that
    waits for another saga is `child`. Raises `NotFound`, and `RuntimeError` within a transaction, which sees neither
    what others commit nor lets them see the saga that it has begun.
    """
    if connection.in_atomic_block:
        raise RuntimeError("operations.wait_for() cannot be called within a transaction: call it after the commit.")
    try:
        if not Saga.objects.get(pk=saga_id).ended_at:
            watcher.wait(saga_id, until_ended, timeout)
        return Saga.objects.get(pk=saga_id)
    except Saga.DoesNotExist:
        raise NotFound(f"There is no saga {saga_id}.") from None
