"""A database in memory with real commits, for thousands of runs; kept for the process, emptied by each run."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

from django.core.management import call_command
from django.db import DEFAULT_DB_ALIAS, connections
from django.db.backends.sqlite3.base import DatabaseWrapper


@contextmanager
def in_memory() -> Iterator[None]:
    """Within this context this thread's default database is that one."""
    theirs = connections[DEFAULT_DB_ALIAS]
    connections[DEFAULT_DB_ALIAS] = _memory()
    try:
        yield
    finally:
        connections[DEFAULT_DB_ALIAS] = theirs


@cache
def _memory() -> DatabaseWrapper:
    theirs = connections[DEFAULT_DB_ALIAS]
    options: dict[str, Any] = {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}
    found = DatabaseWrapper(
        {**theirs.settings_dict, **options, "OPTIONS": {"transaction_mode": "IMMEDIATE"}}, DEFAULT_DB_ALIAS
    )
    connections[DEFAULT_DB_ALIAS] = found
    try:
        for app in ("sagas", "saga_participant"):
            call_command("migrate", app, verbosity=0, interactive=False)
    finally:
        connections[DEFAULT_DB_ALIAS] = theirs
    return found
