"""The doorbell: tells workers which steps are due, after the commit that made them due.

A message carries the id of a run and its fence, or several such pairs, and goes into the lane of its definition.
Losing one costs time, a second one is harmless: the row is the truth.
"""

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta

from django.db import transaction

from gateway import doorbell
from gateway.doorbell import Rank
from sagas.engine.lanes import lane, rank_of
from sagas.record.turn import Bell, Turn
from sagas.words import boundaries

DELIVER = "sagas.tasks.deliver"
MANY, BUNDLE = 50, 5
"""So many at once are many; then one message names so many."""

_send_to: Callable[..., bool] | None = None


def ring(bells: Iterable[Bell]) -> None:
    """Ring for runs whose transaction is committed. Never blocks, never raises."""
    for bell in bells:
        _send([bell.run, bell.fence], lane(bell.queue, bell.definition), rank_of(bell.priority), bell.delay)


def ring_many(bells: Iterable[Bell]) -> None:
    """As `ring`, for what begins in bulk: where there are many in one lane, a message names several.

    A worker does one after the other as long as they are quick, and rings again for the rest if they are not.
    Neighbours go into different messages, so rows of one saga that are side by side do not stand behind each other.
    """
    alike: dict[tuple[str, Rank], list[Bell]] = {}
    for bell in bells:
        if bell.delay is None:
            alike.setdefault((lane(bell.queue, bell.definition), rank_of(bell.priority)), []).append(bell)
        else:
            ring([bell])
    for (where, rank), many in alike.items():
        messages = len(many) if len(many) < MANY else math.ceil(len(many) / BUNDLE)
        for first in range(messages):
            named = [number for bell in many[first::messages] for number in (bell.run, bell.fence)]
            _send(named, where, rank)


def _send(named: list[int], where: str, rank: Rank, delay: timedelta | None = None) -> None:
    boundaries.passed("ringing")
    (_send_to or doorbell.ring)(DELIVER, named, where, countdown=delay, rank=rank)
    boundaries.passed("rung")


def ring_many_after_commit(turns: Sequence[Turn]) -> None:
    """As `ring_after_commit`, for sagas that begin in bulk."""
    transaction.on_commit(lambda: ring_many(bell for t in turns for bell in t.bells))


def ring_after_commit(t: Turn) -> None:
    """Ring for all that the turn makes due, once the caller's transaction is committed, and not at all if it is not."""
    transaction.on_commit(lambda: ring(t.bells))


@contextmanager
def replaced(by: Callable[..., bool]) -> Iterator[None]:
    """Within this context messages are given to that function, which is called as `doorbell.ring` is; for tests."""
    global _send_to
    before, _send_to = _send_to, by
    try:
        yield
    finally:
        _send_to = before


@contextmanager
def silenced() -> Iterator[None]:
    """Within this context nobody is rung for, as if every message were lost; for tests."""
    with replaced(lambda *message, **options: False):
        yield
