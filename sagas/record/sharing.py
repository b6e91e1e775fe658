"""Shared commits: the turns that threads of one process end at the same time are written in one statement.

A turn that comes alone is written at once, by its own thread. Turns that come while a statement is under way queue up;
whoever is first among them writes them all when it is over (the leader of a group commit). Nobody waits for company,
and every turn waits for its own commit. Each keeps its own guard: a saga that was touched meanwhile is left out, and
does not touch the others; if the statement as a whole fails, everybody writes alone.
"""

import os
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field

from django.db import InterfaceError, OperationalError, connection

from sagas.conf import conf
from sagas.record import postgres
from sagas.record.postgres import Change, Written

MOST = 32
"""So many turns share a statement at most."""


@dataclass(eq=False, slots=True)
class _Waiting:
    change: Change
    turn: threading.Event = field(default_factory=threading.Event)
    leads: bool = False
    written: Written | None = None
    error: BaseException | None = None


class Sharing:
    """The queue of one process."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._queue: list[_Waiting] = []
        self._busy = False

    def write(self, change: Change) -> Written | None:
        """Write it, alone or with others; None if its saga was touched meanwhile. Raises what the database raises."""
        mine = _Waiting(change)
        with self._lock:
            self._queue.append(mine)
            mine.leads, self._busy = not self._busy, True
        if not mine.leads:
            mine.turn.wait()
        if mine.leads:
            self._lead()
        if mine.error is not None:
            raise mine.error
        return mine.written

    def _lead(self) -> None:
        """Write all that is there, once, and let the next one lead."""
        with self._lock:
            group = self._take()
        try:
            _write(group)
        except BaseException as error:  # this thread is being ended, and the others must not take that for an answer
            for one in group:
                one.error = one.error or OperationalError(f"Who wrote for others was ended: {type(error).__name__}.")
            raise
        finally:
            with self._lock:
                following = self._queue[0] if self._queue else None
                self._busy = following is not None
            for one in group:
                one.turn.set()
            if following is not None:
                following.leads = True
                following.turn.set()

    def _take(self) -> list[_Waiting]:
        """Turns of different sagas, in the order of the sagas' ids, as everybody locks them; the first in any case."""
        group: dict[object, _Waiting] = {}
        for one in self._queue[:MOST]:
            group.setdefault(one.change.saga.pk, one)
        self._queue = [one for one in self._queue if group.get(one.change.saga.pk) is not one]
        return [group[pk] for pk in sorted(group, key=str)]


def _write(group: Sequence[_Waiting]) -> None:
    try:
        for one, written in zip(group, postgres.write([one.change for one in group]), strict=True):
            one.written = written
        return
    except (OperationalError, InterfaceError) as error:  # whether it was written is for each to find out
        for one in group:
            one.error = error
        return
    except Exception as error:
        if len(group) == 1:
            group[0].error = error
            return
    for one in group:
        _write([one])


_sharing = Sharing()


def write(change: Change) -> Written | None:
    """Write a turn; None if its saga was touched meanwhile. Raises `postgres.Refused`."""
    if connection.in_atomic_block or not conf().shared_commits:
        [written] = postgres.write([change])
        return written
    return _sharing.write(change)


def _renew_after_fork() -> None:
    global _sharing
    _sharing = Sharing()


os.register_at_fork(after_in_child=_renew_after_fork)
