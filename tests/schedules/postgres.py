"""Schedules inside PostgreSQL's transactions: each actor has a connection of its own, and is switched before each of
its statements.

An actor may have to wait: for a row that another one has locked, or for the one that writes for several. It is let
alone then, and the others go on; it comes to its next stop as soon as it can. So nothing hangs, as long as whoever
holds a lock goes on some time; who is frozen holds none.
"""

import random
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, nullcontext
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

import psycopg
from django.apps import apps
from django.db import connection

from sagas.engine import local
from sagas.record import clock, sharing
from tests.schedules.actors import HANGS, Actor, current, stop
from tests.schedules.machine import APPS, Machine, instead

ACTORS = 64
"""So many at once at most."""
SOON = 0.002
"""Seconds after which it is asked whether an actor waits; most are at their next stop by then."""


class Postgres(Machine):
    """The test's own database; its clock is the server's, put forward."""

    def __init__(self) -> None:
        self._stack = ExitStack()
        self._passed = timedelta(0)
        self._monitor: psycopg.Connection[Any] | None = None
        self._looking = threading.RLock()

    def now(self) -> datetime:
        return datetime.now(UTC) + clock.put_forward()

    def forward(self, by: timedelta) -> None:
        self._stack.enter_context(clock.ahead(by))
        self._passed += max(by, timedelta(0))

    def monotonic(self) -> float:
        return time.monotonic() + self._passed.total_seconds()

    def rows(self, statement: str) -> list[tuple[Any, ...]]:
        assert self._monitor is not None
        with self._looking:
            return self._monitor.execute(statement).fetchall()

    def at_once(self, *statements: str) -> list[list[tuple[Any, ...]]]:
        """Whoever waited for what has just been committed may commit before the second statement."""
        assert self._monitor is not None
        with self._looking, self._monitor.transaction():
            return [self._monitor.execute(statement).fetchall() for statement in statements]

    def waits(self, actor: "Session") -> bool:
        """Does it wait for another one?"""
        if actor.waits_for_a_writer():
            return True
        [(blocked,)] = self.rows(f"SELECT cardinality(pg_blocking_pids({actor.pid or 0})) > 0")
        return bool(blocked)

    def actor(self, name: str, act: Callable[[], Any]) -> Actor:
        return Session(name, act, _threads(), self)

    @contextmanager
    def running(self, chance: random.Random, *, fine: bool) -> Iterator[None]:
        models = [model for label in APPS for model in apps.get_app_config(label).get_models()]
        tables = ", ".join(model._meta.db_table for model in models)
        with connection.cursor() as cursor:
            cursor.execute(f"TRUNCATE {tables} RESTART IDENTITY CASCADE")
        address = {**connection.get_connection_params(), "autocommit": True}
        for name in ("cursor_factory", "context", "prepare_threshold", "pool"):
            address.pop(name, None)
        with super().running(chance, fine=fine), psycopg.connect(**address) as self._monitor, self._stack:
            self._monitor.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
            self._stack.enter_context(instead(sharing, "_sharing", OfProcesses()))
            self._stack.enter_context(
                instead(local, "_may_idle", lambda rest: nullcontext())
            )  # real time decides nothing
            self._stack.enter_context(_a_connection_for_everybody())
            yield
        connection.close()


@contextmanager
def _a_connection_for_everybody() -> Iterator[None]:
    """The actors share one pool, where in truth each process has its own."""
    usual = connection.settings_dict["OPTIONS"]["pool"]["max_size"]
    connection.pool.resize(1, ACTORS)
    try:
        yield
    finally:
        connection.pool.resize(1, usual)


class OfProcesses:
    """What threads of one process share, apart for each process of the schedule."""

    def __init__(self) -> None:
        self._kind = type(sharing._sharing)
        self._of: dict[str, sharing.Sharing] = {}

    def __getattr__(self, name: str) -> Any:
        actor = current()
        process = actor.name.partition(".")[0] if actor else ""
        return getattr(self._of.setdefault(process, self._kind()), name)


class Session(Actor):
    """An actor with a connection of its own."""

    def __init__(self, name: str, act: Callable[[], Any], threads: ThreadPoolExecutor, machine: Postgres) -> None:
        self.pid: int | None = None
        self._machine, self._thread = machine, 0

        def connected() -> Any:
            self._thread = threading.get_ident()
            with connection.execute_wrapper(self._before):
                try:
                    return act()
                finally:
                    connection.close()

        super().__init__(name, connected, threads)

    def stop(self, where: str) -> None:
        self.pid, self.in_transaction = None, connection.in_atomic_block  # it may go on with another connection
        super().stop(where)

    def go(self) -> None:
        self._go.release()
        self.waiting = True
        self.arrives()

    def arrives(self) -> bool:
        until = time.monotonic() + HANGS
        while self.waiting:
            if self._stopped.acquire(timeout=SOON):
                self.waiting = False
            elif self._machine.waits(self):
                return False
            elif time.monotonic() > until:
                stands = "".join(traceback.format_stack(sys._current_frames().get(self._thread)))
                raise AssertionError(f"{self} does not come to its next stop; it stands at\n{stands}")
        return True

    def waits_for_a_writer(self) -> bool:
        """Has another thread of its process to write for it, or to write first?"""
        frame = sys._current_frames().get(self._thread)
        files = []
        while frame is not None:
            files.append(frame.f_code.co_filename)
            frame = frame.f_back
        mine = [file for file in files if not file.endswith("threading.py")]
        return bool(mine) and mine[0] == sharing.__file__ and files[0].endswith("threading.py")

    def _before(self, execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        word = sql.split(None, 1)[0]
        if word not in ("ROLLBACK", "RELEASE"):  # on the way out
            stop(word)
        self.pid = context["connection"].connection.info.backend_pid
        return execute(sql, params, many, context)


@cache
def _threads() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(max_workers=ACTORS, thread_name_prefix="session")
