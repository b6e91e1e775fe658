"""From a database's address to Django's settings for it."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from gateway.pooling import WatchedConnection

POSTGRESQL = "django.db.backends.postgresql"
SQLITE = "django.db.backends.sqlite3"

# Bounds on the server's side hold even for a client that hangs. One that is halted inside a transaction keeps its
# locks for less than it takes to be declared gone (`GONE_AFTER`), or what it held could not be taken over. Who waits
# for a row waits twice, first for its place among those who wait and then for the row, and has an open transaction all
# the while: so twice `lock_timeout` stays below the five seconds that no transaction is to be older than. A lost server
# is noticed by keep-alive probes, and by tcp_user_timeout while something is being sent, instead of after the operating
# system's two hours.
_SERVER_BOUNDS = "-c lock_timeout=2s -c statement_timeout=30s -c idle_in_transaction_session_timeout=4s"
_CLIENT_BOUNDS = {
    "connect_timeout": 3,
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 15_000,
    "application_name": "orchestrator",
}

# FULL, not NORMAL: with NORMAL a committed saga survives kill -9 but not a power cut, and accepted is kept.
_PRAGMAS = "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA busy_timeout=30000"


PREPARE_AFTER = 5
"""A statement whose parameters the server binds is prepared after so many uses of a connection; Django's own never."""


def configured(parsed: Mapping[str, Any], *, pool_size: int) -> dict[str, Any]:
    """Return Django's settings for the database of a parsed address, with the bounds that the coordinator relies on.

    `parsed` is what `environ.Env.db_url` returns; options in the address win. `pool_size` is the most connections that
    one process holds on PostgreSQL; 0 turns pooling off, as PgBouncer wants it.
    """
    given = dict(parsed.get("OPTIONS", {}))
    base = {**parsed, "ATOMIC_REQUESTS": False, "CONN_MAX_AGE": 0, "CONN_HEALTH_CHECKS": True}
    match parsed["ENGINE"]:
        case "django.db.backends.postgresql":
            return {**base, "OPTIONS": {**_CLIENT_BOUNDS, "options": _SERVER_BOUNDS, **_pool(pool_size), **given}}
        case "django.db.backends.sqlite3":
            return {
                **base,
                "OPTIONS": {"transaction_mode": "IMMEDIATE", "init_command": _PRAGMAS, "timeout": 30, **given},
            }
        case other:
            raise ValueError(f"DATABASE_URL names {other}; the orchestrator runs on PostgreSQL and SQLite only.")


def sqlite_file(path: Path) -> dict[str, Any]:
    """Return what `environ.Env.db_url` would for a SQLite file, and see that its folder exists."""
    path.parent.mkdir(parents=True, exist_ok=True)
    return {"ENGINE": SQLITE, "NAME": str(path)}


def _pool(size: int) -> dict[str, Any]:
    """Return the options for psycopg's pool.

    After an outage the pool retries with doubling pauses until `reconnect_timeout`, then at once when asked again: five
    seconds, where the default of five minutes would leave a worker deaf for two minutes after the database is back.
    """
    if size == 0:
        return {}
    pool: dict[str, Any] = {"min_size": 1, "max_size": size, "timeout": 5, "reconnect_timeout": 5}
    pool["connection_class"] = WatchedConnection
    return {"pool": pool, "prepare_threshold": PREPARE_AFTER}
