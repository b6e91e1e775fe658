"""Transactions of ours: each that writes something ends at a named boundary."""

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import transaction

from sagas.words import boundaries


@contextmanager
def commit() -> Iterator[None]:
    """A transaction, and after it the boundary of what was written in it; within another one it is a part of that."""
    with boundaries.one_commit(), transaction.atomic():
        yield


def roll_back() -> None:
    """Nothing of what was written in this transaction is to stay."""
    transaction.set_rollback(True)
    boundaries.nothing_written()
