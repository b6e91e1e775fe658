"""The doorbell: tells workers which steps are due, after the commit that made them due.

A message carries the id of a run and its fence, or several such pairs, and goes into the lane of its definition.
Losing one costs time, a second one is harmless: the row is the truth.
"""

import math
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager

from django.db import transaction

from gateway import doorbell
from gateway.doorbell import Rank
from sagas.engine.lanes import lane, rank_of
from sagas.record.turn import Bell, Turn

DELIVER = "sagas.tasks.deliver"
MANY, BUNDLE = 50, 5
"""So many at once are many; then one message names so many."""

_silent = False


def ring(bells: Iterable[Bell]) -> None:
    """Ring for runs whose transaction is committed. Never blocks, never raises."""
    for bell in [] if _silent else bells:
        where = lane(bell.queue, bell.definition)
        doorbell.ring(DELIVER, [bell.run, bell.fence], where, countdown=bell.delay, rank=rank_of(bell.priority))


def ring_many(bells: Iterable[Bell]) -> None:
    """As `ring`, for what begins in bulk: where there are many in one lane, a message names several.

    A worker does one after the other as long as they are quick, and rings again for the rest if they are not.
    Neighbours go into different messages, so rows of one saga that are side by side do not stand behind each other.
    """
    alike: dict[tuple[str, Rank], list[Bell]] = {}
    for bell in [] if _silent else bells:
        if bell.delay is None:
            alike.setdefault((lane(bell.queue, bell.definition), rank_of(bell.priority)), []).append(bell)
        else:
            ring([bell])
    for (where, rank), many in alike.items():
        messages = len(many) if len(many) < MANY else math.ceil(len(many) / BUNDLE)
        for first in range(messages):
            named = [number for bell in many[first::messages] for number in (bell.run, bell.fence)]
            doorbell.ring(DELIVER, named, where, rank=rank)


def ring_many_after_commit(turns: Sequence[Turn]) -> None:
    """As `ring_after_commit`, for sagas that begin in bulk."""
    transaction.on_commit(lambda: ring_many(bell for t in turns for bell in t.bells))


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
