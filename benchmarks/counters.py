"""PostgreSQL's own counts: statements, transactions and flushes of its log."""

from dataclasses import astuple, dataclass
from datetime import timedelta
from typing import Self

import psycopg

from tests.harness.waiting import wait_until

_STATEMENTS = """
    SELECT coalesce(sum(calls), 0) FROM pg_stat_statements JOIN pg_database ON pg_database.oid = dbid
    WHERE datname = %s AND query !~* '^(begin|start|commit|rollback|set|reset|discard|show|deallocate)'
"""
_TRANSACTIONS = "SELECT xact_commit FROM pg_stat_database WHERE datname = %s"
_FLUSHES = "SELECT wal_sync FROM pg_stat_wal"
_CLIENTS = "SELECT count(*) FROM pg_stat_activity WHERE datname = %s"


@dataclass(frozen=True)
class Counters:
    statements: int
    transactions: int
    flushes: int

    def __sub__(self, other: Self) -> "Counters":
        return Counters(*(mine - theirs for mine, theirs in zip(astuple(self), astuple(other), strict=True)))


def read(server: str, database: str) -> Counters:
    """The counts of one database so far (of the whole server for flushes), once all its clients have gone.

    A session tells what it did when it ends, or up to ten seconds later.
    """
    with psycopg.connect(server, autocommit=True) as connection:

        def one(query: str, *parameters: str) -> int:
            row = connection.execute(query, parameters or None).fetchone()
            return int(row[0]) if row else 0

        within = timedelta(seconds=60)
        wait_until(lambda: one(_CLIENTS, database) == 0, f"the clients of {database} have gone", within)
        return Counters(one(_STATEMENTS, database), one(_TRANSACTIONS, database), one(_FLUSHES))
