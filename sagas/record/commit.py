"""Transactions of ours: each that writes something ends at a named boundary."""

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import transaction

from sagas.record import news
from sagas.words import boundaries


@contextmanager
def commit() -> Iterator[None]:
    """A transaction, and after it its boundary and its news; within another one it is a part of that."""
    with news.held_back(), boundaries.one_commit(), transaction.atomic():
        yield


def roll_back() -> None:
    """Nothing of what was written in this transaction is to stay."""
    transaction.set_rollback(True)
    boundaries.nothing_written()
    news.nothing_written()
