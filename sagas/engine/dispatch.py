"""The doorbell: tells workers which steps are due, after the commit that made them due.

A message carries the id of a run and its fence, nothing else, and goes into the lane of its definition. Losing one
costs time, a second one is harmless: the row is the truth.
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from django.db import transaction

from gateway import doorbell
from sagas.engine.lanes import lane, rank_of
from sagas.record.turn import Bell, Turn

DELIVER = "sagas.tasks.deliver"

_silent = False


def ring(bells: Iterable[Bell]) -> None:
    """Ring for runs whose transaction is committed. Never blocks, never raises."""
    for bell in [] if _silent else bells:
        where = lane(bell.queue, bell.definition)
        doorbell.ring(DELIVER, [bell.run, bell.fence], where, countdown=bell.delay, rank=rank_of(bell.priority))


def ring_after_commit(t: Turn) -> None:
    """Ring for all that the turn makes due, once the caller's transaction is committed, and not at all if it is not."""
    transaction.on_commit(lambda: ring(t.bells))


@contextmanager
def silenced() -> Iterator[None]:
    """Within this context nobody is rung for, as if every message were lost; for tests."""
    global _silent
    before, _silent = _silent, True
    try:
        yield
    finally:
        _silent = before
