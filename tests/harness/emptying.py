"""Emptying the database after a test that really commits: what Django's `flush` leaves, in a fraction of the time.

Django empties every table there is, and then makes all content types and permissions anew: that takes longer than most
tests. Here only tables with rows are emptied, and those two stay as they are unless a test has touched them.
"""

from functools import cache
from typing import Any

from django.contrib.auth.models import Permission
from django.contrib.contenttypes.models import ContentType
from django.core.management import call_command
from django.db import connection, transaction
from django.db.backends.utils import CursorWrapper
from django.test import TransactionTestCase

STAY = (ContentType, Permission)


class Emptying:
    """Takes the place of Django's way for the tests of this process, from the moment at which the tables are there."""

    def __init__(self) -> None:
        self._known = _rows_that_stay()
        TransactionTestCase._fixture_teardown = lambda test: self.empty()  # type: ignore[attr-defined]

    def empty(self) -> None:
        """Leave what Django's `flush` leaves."""
        if _rows_that_stay() != self._known:
            call_command("flush", verbosity=0, interactive=False, reset_sequences=False)
            self._known = _rows_that_stay()
            return
        with transaction.atomic(), connection.cursor() as cursor:
            if connection.vendor == "postgresql":  # whoever still writes ends first, as before a TRUNCATE
                cursor.execute(f"LOCK TABLE {', '.join(_tables())} IN EXCLUSIVE MODE")
            if filled := _filled(cursor):
                _empty(cursor, filled)


def _rows_that_stay() -> list[Any]:
    return [list(model._default_manager.order_by("pk").values_list()) for model in STAY]


@cache
def _tables() -> list[str]:
    """All tables of models but those that stay, quoted."""
    names = connection.introspection.django_table_names(only_existing=True, include_views=False)
    return [connection.ops.quote_name(name) for name in names if name not in {model._meta.db_table for model in STAY}]


def _filled(cursor: CursorWrapper) -> list[str]:
    cursor.execute(" UNION ALL ".join(f"SELECT '{table}' WHERE EXISTS (SELECT 1 FROM {table})" for table in _tables()))
    return [name for (name,) in cursor.fetchall()]


def _empty(cursor: CursorWrapper, tables: list[str]) -> None:
    if connection.vendor == "postgresql":
        cursor.execute(f"TRUNCATE {', '.join(tables)} CASCADE")
        return
    for table in tables:
        cursor.execute(f"DELETE FROM {table}")
