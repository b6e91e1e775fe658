"""The doorbell: tells workers which notifications are due, after the commit that made them due.

A message carries an id and nothing else. Losing one costs time, a second one is harmless: the row is the truth.
"""

from collections.abc import Iterable
from functools import partial
from uuid import UUID

from django.db import transaction

from gateway import doorbell
from notifications.conf import conf

DELIVER = "notifications.tasks.deliver"


def ring(ids: Iterable[UUID]) -> None:
    """Ring for what is committed and due. Never blocks, never raises."""
    for pk in ids:
        doorbell.ring(DELIVER, [str(pk)], conf().queue)


def ring_after_commit(pk: UUID) -> None:
    """Ring once the caller's transaction is committed, and not at all if it is not."""
    transaction.on_commit(partial(ring, [pk]))
