"""The doorbell: tells workers which steps are due, after the commit that made them due.

A message carries the id of a run and its fence, nothing else. Losing one costs time, a second one is harmless: the
row is the truth.
"""

from collections.abc import Iterable
from functools import partial

from django.db import transaction

from gateway import doorbell
from sagas.turn import Bell

DELIVER = "sagas.tasks.deliver"


def ring(bells: Iterable[Bell]) -> None:
    """Ring for runs whose transaction is committed. Never blocks, never raises."""
    for bell in bells:
        doorbell.ring(DELIVER, [bell.run, bell.fence], bell.queue, countdown=bell.delay)


def ring_after_commit(bells: Iterable[Bell]) -> None:
    """Ring once the caller's transaction is committed, and not at all if it is not."""
    if waiting := list(bells):
        transaction.on_commit(partial(ring, waiting))
