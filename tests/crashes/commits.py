"""What the database really committed, whoever wrote it: told by the database, not by the engine.

SQLite reports every statement of the connection. PostgreSQL has a trigger on every table that notes the transaction's
number, in the same transaction, so that what was rolled back is not there.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

from django.apps import apps
from django.db import connection

NOTED = "noted_commits"


class Log(Protocol):
    def news(self) -> list[str]:
        """The transactions that wrote something and were committed since the last look, each in words."""


@contextmanager
def commit_log() -> Iterator[Log]:
    """The log of this thread's connection, or of the whole database."""
    if connection.vendor == "sqlite":
        connection.ensure_connection()
        log = _Traced()
        connection.connection.set_trace_callback(log.see)
        try:
            yield log
        finally:
            connection.connection.set_trace_callback(None)
    else:
        _note_all()
        try:
            yield _Noted()
        finally:
            _forget_all()


class _Traced:
    """Statements as SQLite begins them; one outside of a transaction is one by itself."""

    def __init__(self) -> None:
        self._found: list[str] = []
        self._said: list[str] = []
        self._open = False
        self._before = self._changes

    @property
    def _changes(self) -> int:
        changes: int = connection.connection.total_changes
        return changes

    def see(self, statement: str) -> None:
        word = statement.split(None, 1)[0].upper()
        if not self._open:
            self._close()
        if word == "BEGIN":
            self._open, self._before = True, self._changes
        elif word in ("COMMIT", "END"):
            self._open = False
            self._close()
        elif word == "ROLLBACK" and " TO " not in statement:
            self._open, self._before = False, self._changes
            self._said.clear()
        elif word != "SELECT":
            self._said.append(" ".join(statement.split()[:3]))

    def news(self) -> list[str]:
        if not self._open:
            self._close()
        found, self._found = self._found, []
        return found

    def _close(self) -> None:
        if self._changes != self._before:
            self._found.append(", ".join(self._said))
        self._before = self._changes
        self._said.clear()


class _Noted:
    """What the triggers wrote."""

    def news(self) -> list[str]:
        with connection.cursor() as cursor:
            cursor.execute(f"SELECT xid::text, string_agg(name, ', ') FROM {NOTED} GROUP BY 1 ORDER BY 1")
            found = [tables for _, tables in cursor.fetchall()]
            cursor.execute(f"DELETE FROM {NOTED}")
        return found


def _tables() -> list[str]:
    models = apps.get_app_config("sagas").get_models()
    return [model._meta.db_table for model in models if not model._meta.proxy]


def _note_all() -> None:
    with connection.cursor() as cursor:
        cursor.execute(f"CREATE TABLE {NOTED} (xid xid8, name text, PRIMARY KEY (xid, name))")
        cursor.execute(
            f"""CREATE FUNCTION {NOTED}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
                INSERT INTO {NOTED} VALUES (pg_current_xact_id(), TG_TABLE_NAME) ON CONFLICT DO NOTHING;
                RETURN NULL;
            END $$"""
        )
        for table in _tables():
            cursor.execute(
                f'CREATE TRIGGER {NOTED} AFTER INSERT OR UPDATE OR DELETE ON "{table}" '
                f"FOR EACH ROW EXECUTE FUNCTION {NOTED}()"
            )


def _forget_all() -> None:
    with connection.cursor() as cursor:
        for table in _tables():
            cursor.execute(f'DROP TRIGGER {NOTED} ON "{table}"')
        cursor.execute(f"DROP FUNCTION {NOTED}()")
        cursor.execute(f"DROP TABLE {NOTED}")
