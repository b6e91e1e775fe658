"""The look at the door: what is due in the database, for who cannot leave the order, or the ringing, to the broker."""

import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from datetime import timedelta

from django.db.models import Q

from gateway.borrowing import borrowed
from gateway.doorbell import Rank
from sagas.engine.turns import in_turn
from sagas.models import Run, Work
from sagas.record import clock
from sagas.words import registry

TAKES = Q(saga__paused_at=None) | Q(kind=Run.Kind.MESSAGE)
FRESH = 0.5
"""Seconds for which a list of what is due is good: later something more urgent may have come …"""
DEAR = 10
"""… but at least so many times as long as it took to make, which grows with what is due."""

Found = tuple[int, int]
"""A run's id and its fence."""


def waiting(queues: Sequence[str], patience: timedelta, most: int, before: Rank | None = None) -> list[Found]:
    """What is due on these queues for so long already, the next one first; only what comes `before` a rank, if given.

    Of sagas that are not paused, on tables that this process knows.
    """
    match before:
        case Rank.FIRST:
            return []
        case Rank.NORMAL:
            urgent = Q(work=Work.DUE, priority__gt=0)  # as `run_urgent` says it
        case Rank.LAST:
            urgent = Q(priority__gte=0)
        case None:
            urgent = Q()
    with borrowed():
        due = Run.objects.due(clock.now() - patience).filter(TAKES, urgent, known(), queue__in=queues)
        return list(in_turn(due, most).values_list("pk", "fence"))


def known() -> Q:
    """Runs of sagas whose table this process has."""
    found = Q(pk=None)
    for each in registry.everything():
        found |= Q(saga__definition=each.name, saga__version=each.version, saga__fingerprint=each.fingerprint)
    return found


class Lying:
    """What a look has found, handed out one by one to this process's threads, and looked for again when it is old."""

    def __init__(self, look: Callable[[], list[Found]]) -> None:
        self._look = look
        self._found: deque[Found] = deque()
        self._good_until = 0.0
        self._handing_out = threading.Lock()

    def next(self) -> Found | None:
        with self._handing_out:
            if not self._found or time.monotonic() > self._good_until:
                began = time.monotonic()
                self._found = deque(self._look())
                looked = time.monotonic()
                self._good_until = looked + max(FRESH, DEAR * (looked - began))
            return self._found.popleft() if self._found else None
