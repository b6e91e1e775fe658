"""Database connections are borrowed for one transaction at a time.

While a worker talks to the outside it holds none, so that many of them share a small pool, and a restarted database
costs nobody a dead connection.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connection


@contextmanager
def borrowed() -> Iterator[None]:
    """Give the connection back to the pool at the end, unless somebody's transaction around us still needs it."""
    try:
        yield
    finally:
        give_back()


def give_back() -> None:
    """Return this thread's connection. SQLite has no pool and no server that could restart: there it stays open."""
    if connection.vendor != "sqlite" and not connection.in_atomic_block:
        connection.close()
