"""One statement on a borrowed connection."""

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from itertools import count
from typing import Any, cast

import psycopg
from django.db import connection
from django.db.backends.postgresql.base import DatabaseWrapper


def execute(statement: str, parameters: Sequence[str | None]) -> list[tuple[Any, ...]]:
    """Run one statement on a connection that is borrowed for it; within a transaction, on that one's.

    Parameters are written as `$?`. They are bound by the server and all are text, so that a statement is prepared once
    per connection. Whoever listens to Django's statements (`connection.execute_wrappers`, a debugging cursor) sees it.
    """
    if connection.execute_wrappers or connection.queries_logged:
        with connection.cursor() as cursor:
            cursor.execute(statement.replace("$?", "%s"), parameters)
            found: list[tuple[Any, ...]] = cursor.fetchall()
            return found
    with connection.wrap_database_errors, _lent() as lent:
        return psycopg.RawCursor(lent).execute(_numbered(statement), parameters).fetchall()


@cache
def _numbered(statement: str) -> bytes:
    """With the server's own names of parameters, which psycopg need not look for in it each time."""
    number = count(1)
    return re.sub(r"\$\?", lambda _: f"${next(number)}", statement).encode()


@contextmanager
def _lent() -> Iterator[psycopg.Connection]:
    pool = None if connection.in_atomic_block else cast(DatabaseWrapper, connection).pool
    if pool is None:
        connection.ensure_connection()
        yield connection.connection
        return
    pool.open()
    lent = pool.getconn()
    try:
        yield lent
    finally:
        pool.putconn(lent)
