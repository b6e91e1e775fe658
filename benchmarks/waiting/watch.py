"""A look at the workers every now and then, while they work: memory, and database connections."""

import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta

import psycopg

from benchmarks import processor

EVERY = timedelta(seconds=0.2)
SHARE = 50
"""A look at memory makes the kernel walk all pages: what it took is waited for so many times before the next one."""
_CONNECTIONS = """
    SELECT count(*) FROM pg_stat_activity
    WHERE datname = %s AND application_name = %s
"""
APPLICATION = "waiting-worker"
"""What workers call themselves at the database."""


@dataclass(kw_only=True)
class Most:
    """The most that was seen: bytes of all processes together, connections to the database."""

    memory: int = 0
    connections: int = 0


@contextmanager
def watched(pids: Sequence[int], server: str, database: str) -> Iterator[Most]:
    """Watch these process trees and that database until the block ends."""
    most, over = Most(), threading.Event()
    watching = threading.Thread(target=_watch, args=(pids, server, database, most, over), daemon=True)
    watching.start()
    try:
        yield most
    finally:
        over.set()
        watching.join()


def _watch(pids: Sequence[int], server: str, database: str, most: Most, over: threading.Event) -> None:
    connection: psycopg.Connection | None = None
    pause = EVERY.total_seconds()
    while not over.wait(pause):
        began = time.monotonic()
        most.memory = max(most.memory, processor.memory(pids))
        try:
            connection = connection or psycopg.connect(server, autocommit=True, connect_timeout=2)
            row = connection.execute(_CONNECTIONS, (database, APPLICATION)).fetchone()
            most.connections = max(most.connections, int(row[0]) if row else 0)
        except psycopg.OperationalError:  # it is being restarted
            connection = None
        pause = max(EVERY.total_seconds(), SHARE * (time.monotonic() - began))
    if connection is not None:
        connection.close()
