"""The database's time, the only clock that decides anything."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

from django.db import connection

_ahead = timedelta(0)


def now() -> datetime:
    """What the database's clock says, aware, in one statement. Never ahead of it."""
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute("SELECT STATEMENT_TIMESTAMP()")
            return told(cursor.fetchone()[0])
        cursor.execute("SELECT STRFTIME('%Y-%m-%d %H:%M:%f', 'NOW')")
        return told(datetime.fromisoformat(cursor.fetchone()[0]).replace(tzinfo=UTC))


def told(at: datetime) -> datetime:
    """The time, from what the database said."""
    return at + _ahead


def put_forward() -> timedelta:
    """By how much the time is ahead of the database's: nothing, but in tests."""
    return _ahead


@contextmanager
def ahead(by: timedelta) -> Iterator[None]:
    """Within this context it is later than the database says; for tests, which never sleep."""
    global _ahead
    before, _ahead = _ahead, _ahead + by
    try:
        yield
    finally:
        _ahead = before
