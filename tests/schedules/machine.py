"""What the product's processes stand on: a database, its clock, the machines' clocks, and chance.

`Memory` is SQLite in memory, where all of it comes from the schedule, so that the same one is the same run: the
database's clock moves by a millisecond with each look at it, and otherwise only when the schedule says so.
"""

import random
import sqlite3
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from functools import cache
from types import SimpleNamespace
from typing import Any

from django.apps import apps
from django.db import DEFAULT_DB_ALIAS, connections
from django.db.backends.base.base import BaseDatabaseWrapper

import gateway.ids
import sagas.engine.context
import sagas.engine.delivery
import sagas.engine.door
import sagas.engine.workers
import sagas.record.attempts
import sagas.record.locked
import sagas.words.retry
from tests.schedules.actors import Actor, current, stop

BEGIN = datetime(2030, 1, 1, tzinfo=UTC)
TICK = timedelta(milliseconds=1)
APPS = ("sagas", "saga_participant")
READ_THE_CLOCK = (
    sagas.engine.context,
    sagas.engine.delivery,
    sagas.engine.door,
    sagas.engine.workers,
    sagas.record.attempts,
    sagas.record.locked,
)


class Machine:
    """What is alike on all databases: the processes' clocks and their chance come from the schedule."""

    def now(self) -> datetime:
        """What the database's clock says."""
        raise NotImplementedError

    def forward(self, by: timedelta) -> None:
        """Let time pass, or set the database's clock back; the machines' own clocks never go back."""
        raise NotImplementedError

    def monotonic(self) -> float:
        raise NotImplementedError

    def rows(self, statement: str) -> list[tuple[Any, ...]]:
        """What the database has, as whoever comes from outside sees it; nobody is switched for that."""
        raise NotImplementedError

    def at_once(self, *statements: str) -> list[list[tuple[Any, ...]]]:
        """The same for several statements, which all see one moment."""
        return [self.rows(statement) for statement in statements]

    def actor(self, name: str, act: Callable[[], Any]) -> Actor:
        """Somebody who begins to do that, with a connection to the database."""
        raise NotImplementedError

    def at_boundary(self, boundary: str) -> None:
        """An actor passed it."""
        stop(boundary)

    @contextmanager
    def running(self, chance: random.Random, *, fine: bool) -> Iterator[None]:
        """Within this context the product runs on this machine, whose database is empty."""
        clocks = SimpleNamespace(monotonic=self.monotonic, sleep=lambda seconds: stop("asleep"), time_ns=self._time_ns)
        with ExitStack() as stack:
            for module in (*READ_THE_CLOCK, gateway.ids):
                stack.enter_context(instead(module, "time", clocks))
            stack.enter_context(instead(gateway.ids, "os", SimpleNamespace(urandom=chance.randbytes)))
            stack.enter_context(instead(gateway.ids, "_last", gateway.ids._Last()))
            stack.enter_context(instead(sagas.words.retry, "random", chance))
            yield

    def _time_ns(self) -> int:
        """What the machine of whoever asks takes for the time, to the millisecond."""
        actor = current()
        return int((self.now() + (actor.skew if actor else timedelta(0))).timestamp() * 1000) * 1_000_000


@contextmanager
def instead(module: Any, name: str, what: Any) -> Iterator[None]:
    """Within this context a module sees another machine."""
    before = getattr(module, name)
    setattr(module, name, what)
    try:
        yield
    finally:
        setattr(module, name, before)


class Memory(Machine):
    """SQLite in memory; all actors share one connection, since transactions stand in line there anyway."""

    def __init__(self) -> None:
        self._at = BEGIN
        self._passed = timedelta(seconds=1000)

    def now(self) -> datetime:
        return self._at

    def forward(self, by: timedelta) -> None:
        self._at += by
        self._passed += max(by, timedelta(0))

    def monotonic(self) -> float:
        return self._passed.total_seconds()

    def rows(self, statement: str) -> list[tuple[Any, ...]]:
        found: list[tuple[Any, ...]] = _shared().connection.execute(statement).fetchall()
        return found

    def actor(self, name: str, act: Callable[[], Any]) -> Actor:
        return Actor(name, act, _threads())

    def at_boundary(self, boundary: str) -> None:
        if not _shared().in_atomic_block:
            stop(boundary)

    @contextmanager
    def running(self, chance: random.Random, *, fine: bool) -> Iterator[None]:
        def before(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
            """Before each transaction, and each statement that stands alone: others can come in nowhere else."""
            word = sql.split(None, 1)[0]
            if not shared.in_atomic_block and (fine or word != "SELECT"):
                stop(word)
            return execute(sql, params, many, context)

        shared = _shared()
        shared.connection.deserialize(_empty())
        shared.connection.create_function("strftime", 2, self._look)
        with super().running(chance, fine=fine), _instead_of_the_database(shared), shared.execute_wrapper(before):
            yield

    def _look(self, form: str, when: str) -> str:
        """What SQLite's STRFTIME answers, whatever the form: all ask for the time of now, to the millisecond."""
        self.forward(TICK)
        return self._at.strftime("%Y-%m-%d %H:%M:%S.%f")[:-3]


@contextmanager
def _instead_of_the_database(wrapper: BaseDatabaseWrapper) -> Iterator[None]:
    """Within this context, this thread's connection is that one."""
    before = connections[DEFAULT_DB_ALIAS]
    connections[DEFAULT_DB_ALIAS] = wrapper
    try:
        yield
    finally:
        connections[DEFAULT_DB_ALIAS] = before


@cache
def _shared() -> BaseDatabaseWrapper:
    wrapper = connections.create_connection(DEFAULT_DB_ALIAS)
    wrapper.settings_dict = {**wrapper.settings_dict, "NAME": ":memory:"}
    wrapper.inc_thread_sharing()
    wrapper.connect()
    return wrapper


@cache
def _empty() -> bytes:
    """The tables, with nothing in them."""
    wrapper = _shared()
    with _instead_of_the_database(wrapper), wrapper.schema_editor() as editor:
        for label in APPS:
            for model in apps.get_app_config(label).get_models():
                if not model._meta.proxy:
                    editor.create_model(model)
    raw: sqlite3.Connection = wrapper.connection
    return raw.serialize()


@cache
def _threads() -> ThreadPoolExecutor:
    """The threads of all actors; each has the shared connection."""
    wrapper = _shared()

    def share() -> None:
        connections[DEFAULT_DB_ALIAS] = wrapper

    return ThreadPoolExecutor(max_workers=64, thread_name_prefix="actor", initializer=share)
