"""What is looked at while it goes on: counts, transactions, memory, and whether a secret lies where it should not."""

import os
import threading
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import psycopg
import redis

from tests.soak.disturbed import now
from tests.soak.promises import Promises
from tests.soak.scene import Scene

EVERY = 0.5
SELDOM = 10
"""Every so many looks also memory and the broker are looked at."""
PAGE = os.sysconf("SC_PAGE_SIZE") / 2**20

COUNTS = """
    SELECT count(*) FILTER (WHERE parent_id IS NULL) AS started, count(*) FILTER (WHERE ended_at IS NULL) AS live,
        count(*) FILTER (WHERE ended_at IS NOT NULL AND parent_id IS NULL) AS ended,
        count(*) FILTER (WHERE ended_at IS NOT NULL) AS ended_in_all, count(*) AS all,
        count(*) FILTER (WHERE open_incidents > 0) AS needing
    FROM sagas_saga
"""
OLD = """
    SELECT application_name AS name, clock_timestamp() AS at, clock_timestamp() - xact_start AS age, state,
        left(regexp_replace(query, '\\s+', ' ', 'g'), 120) AS statement
    FROM pg_stat_activity
    WHERE datname = current_database() AND backend_type = 'client backend' AND pid <> pg_backend_pid()
        AND clock_timestamp() - xact_start > interval '5 s'
"""
# The liveness rule once more, in plain SQL and independent of the product's own query.
DEAD = """
    SELECT id, state FROM sagas_saga s WHERE ended_at IS NULL AND paused_at IS NULL
     AND NOT EXISTS (SELECT FROM sagas_run r WHERE r.saga_id = s.id AND r.work IS NOT NULL
                     AND (r.at > now() - interval '15 s' OR r.work = 'due' AND r.rung_at > now() - interval '60 s'))
     AND NOT EXISTS (SELECT FROM sagas_incident i WHERE i.saga_id = s.id AND i.closed_at IS NULL)
"""


@dataclass(frozen=True, kw_only=True)
class Count:
    """How many sagas there were; children count among the live and not among those that were started or have ended."""

    at: datetime
    started: int
    live: int
    ended: int
    needing: int


@dataclass(frozen=True, kw_only=True)
class Transaction:
    """One that was old."""

    name: str
    at: datetime
    age: timedelta
    state: str
    statement: str


@dataclass(frozen=True, kw_only=True)
class Memory:
    """What a process and its children had in memory."""

    name: str
    pid: int
    at: datetime
    megabytes: float


class Sampler:
    """A thread that looks every half second, past the proxy."""

    def __init__(self, scene: Scene, promises: Promises) -> None:
        self._scene, self._promises = scene, promises
        self.counts: list[Count] = []
        self.transactions: list[Transaction] = []
        self.memory: list[Memory] = []
        self.looks = 0
        self.untruths: list[str] = []
        self.told: list[str] = []
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._look, name="sampler")

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._ending.set()
        self._thread.join()

    @property
    def last(self) -> Count:
        """The last look; nothing before the first."""
        return self.counts[-1] if self.counts else Count(at=now(), started=0, live=0, ended=0, needing=0)

    def _look(self) -> None:
        number = 0
        while not self._ending.wait(EVERY):
            number += 1
            with suppress(psycopg.Error):  # a fault's doing; we come again
                self._ask()
            if number % SELDOM == 0:
                self._weigh()
                with suppress(redis.RedisError):
                    self._search_the_broker()

    def _ask(self) -> None:
        answered = len(self._promises.starts)
        found = self._scene.rows(COUNTS)[0]
        for row in self._scene.rows(OLD):
            self.transactions.append(Transaction(**row))
        self.looks += 1
        if found["started"] < answered:
            self.untruths.append(f"{answered} starts were answered, and {found['started']} sagas were there")
        if found.pop("ended_in_all") + found["live"] != found.pop("all"):
            self.untruths.append(f"started is not ended and live: {found}")
        self.counts.append(Count(at=now(), **found))

    def _weigh(self) -> None:
        for member in self._scene.supervisor.members:
            process, at = member.process, now()
            with suppress(ProcessLookupError, FileNotFoundError):
                pages = sum(_pages(pid) for pid in [process.pid, *process.children()])
                self.memory.append(Memory(name=member.name, pid=process.pid, at=at, megabytes=pages * PAGE))

    def _search_the_broker(self) -> None:
        secret = self._scene.secret.encode()
        with redis.Redis.from_url(self._scene.redis.url, socket_timeout=1) as client:
            for key in client.scan_iter(count=1000):
                kind = client.type(key)
                held = client.lrange(key, 0, 50) if kind == b"list" else []
                held += list(client.hvals(key))[:50] if kind == b"hash" else []
                if any(secret in element for element in held):
                    self.told.append(f"a secret lies in the broker's {key!r}")


def _pages(pid: int) -> int:
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1])
