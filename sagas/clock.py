"""The database's time, the only clock that decides anything."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

from django.db import connection

_ahead = timedelta(0)


def now() -> datetime:
    """What the database's clock says, aware, in one statement."""
    asked = time.monotonic()
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute("SELECT STATEMENT_TIMESTAMP()")
            return told(cursor.fetchone()[0], asked=asked)
        cursor.execute("SELECT STRFTIME('%Y-%m-%d %H:%M:%f', 'NOW')")
        return told(datetime.fromisoformat(cursor.fetchone()[0]).replace(tzinfo=UTC), asked=asked)


def told(at: datetime, *, asked: float) -> datetime:
    """The time now, from what the database said in a statement that was sent at `asked` (`time.monotonic()`).

    The statement may have waited for a lock since; adding the whole wait makes it never too early. Only the rate of
    this machine's clock is trusted, for the length of one statement.
    """
    return at + timedelta(seconds=time.monotonic() - asked) + _ahead


@contextmanager
def ahead(by: timedelta) -> Iterator[None]:
    """Within this context it is later than the database says; for tests, which never sleep."""
    global _ahead
    before, _ahead = _ahead, _ahead + by
    try:
        yield
    finally:
        _ahead = before
