"""A forked child must never speak on a database connection of its parent.

Celery's prefork children and any other fork inherit the parent's open sockets. Two processes on one socket corrupt
both, and closing it politely in the child ends the parent's session too. So a child forgets what it inherited, without
closing it.
"""

import os
import sys
from typing import Any

_inherited: list[Any] = []  # kept for the life of the child: freeing a connection would close it
_guarded = False


def guard_connections() -> None:
    """From now on let every forked child begin without database connections; repeated calls change nothing."""
    global _guarded
    if not _guarded:
        os.register_at_fork(after_in_child=forget_connections)
        _guarded = True


def forget_connections() -> None:
    """Drop every database connection and connection pool of this process without closing any."""
    if "django.db" not in sys.modules:
        return
    from django.db import connections

    for alias in list(connections):
        if hasattr(connections._connections, alias):  # type: ignore[attr-defined]
            _inherited.append(connections[alias])
            del connections[alias]
    if backend := sys.modules.get("django.db.backends.postgresql.base"):
        pools = backend.DatabaseWrapper._connection_pools
        _inherited.append(dict(pools))
        pools.clear()
