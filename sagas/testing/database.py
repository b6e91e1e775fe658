"""A database for stories that are told outside of a test: in memory, and gone afterwards."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.core.management import call_command
from django.db import DEFAULT_DB_ALIAS, connections
from django.db.backends.sqlite3.base import DatabaseWrapper


@contextmanager
def database_of_its_own() -> Iterator[None]:
    """Within this context the sagas' tables are empty and in memory, whatever database the project has.

    For `failure_matrix` from a command line. Only this thread sees it, and only the tables of `sagas` are there.
    """
    theirs = connections[DEFAULT_DB_ALIAS]
    options: dict[str, Any] = {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:", "OPTIONS": {}}
    mine = DatabaseWrapper({**theirs.settings_dict, **options}, DEFAULT_DB_ALIAS)
    connections[DEFAULT_DB_ALIAS] = mine
    try:
        call_command("migrate", "sagas", verbosity=0, interactive=False)
        yield
    finally:
        mine.close()
        connections[DEFAULT_DB_ALIAS] = theirs
