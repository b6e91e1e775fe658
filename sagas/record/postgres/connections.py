"""One statement on a borrowed connection."""

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from itertools import count
from typing import Any, cast

import psycopg
from django.db import DEFAULT_DB_ALIAS, connections
from django.db.backends.postgresql.base import DatabaseWrapper


def execute(statement: str, parameters: Sequence[str | None]) -> list[tuple[Any, ...]]:
    """Run one statement on a connection that is borrowed for it; within a transaction, on that one's.

    Parameters are written as `$?`. They are bound by the server and all are text, so that a statement is prepared once
    per connection. Whoever listens to Django's statements (`connection.execute_wrappers`, a debugging cursor) sees it.
    """
    ours = cast(DatabaseWrapper, connections[DEFAULT_DB_ALIAS])
    if ours.execute_wrappers or ours.queries_logged:
        with ours.cursor() as cursor:
            cursor.execute(statement.replace("$?", "%s"), parameters)
            found: list[tuple[Any, ...]] = cursor.fetchall()
            return found
    with ours.wrap_database_errors, _lent(ours) as lent:
        return psycopg.RawCursor(lent).execute(_numbered(statement), parameters).fetchall()


@cache
def _numbered(statement: str) -> bytes:
    """With the server's own names of parameters, which psycopg need not look for in it each time."""
    number = count(1)
    return re.sub(r"\$\?", lambda _: f"${next(number)}", statement).encode()


@contextmanager
def _lent(ours: DatabaseWrapper) -> Iterator[psycopg.Connection]:
    pool = None if ours.in_atomic_block else ours.pool
    if pool is None:
        ours.ensure_connection()
        yield ours.connection
        return
    pool.open()
    lent = pool.getconn()
    try:
        yield lent
    finally:
        pool.putconn(lent)
