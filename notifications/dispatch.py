"""The doorbell: tells workers which notifications are due, after the commit that made them due.

A message carries an id and nothing else. Losing one costs time, a second one is harmless: the row is the truth. Urgent
ones go first where the broker keeps ranks, and the sweep rings for them first.
"""

from collections.abc import Iterable
from functools import partial
from uuid import UUID

from django.db import transaction

from gateway import doorbell
from gateway.doorbell import Rank
from notifications.conf import conf
from notifications.models import Notification

DELIVER = "notifications.tasks.deliver"


def ring(due: Iterable[tuple[UUID, int]]) -> None:
    """Ring for what is committed and due, as pairs of an id and a rank. Never blocks, never raises."""
    for pk, rank in due:
        doorbell.ring(DELIVER, [str(pk)], conf().queue, rank=Rank(rank))


def ring_after_commit(notifications: Iterable[Notification]) -> None:
    """Ring once the caller's transaction is committed, and not at all if it is not."""
    transaction.on_commit(partial(ring, [(one.pk, one.rank) for one in notifications]))
