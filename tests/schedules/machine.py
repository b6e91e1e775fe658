"""What the product's processes stand on: a database in memory, its clock, the machines' clocks, and chance.

All of it comes from the schedule, so that the same one is the same run: the database's clock moves by a millisecond
with each look at it, and otherwise only when the schedule says so.
"""

import sqlite3
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from functools import cache
from random import Random
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
from tests.schedules.actors import current, stop

BEGIN = datetime(2030, 1, 1, tzinfo=UTC)
TICK = timedelta(milliseconds=1)
READ_THE_CLOCK = (
    sagas.engine.context,
    sagas.engine.delivery,
    sagas.engine.door,
    sagas.engine.workers,
    sagas.record.attempts,
    sagas.record.locked,
)


class Clock:
    """The time. Machines may be wrong about it: `skew` says by how much, for the actor that asks."""

    def __init__(self) -> None:
        self.at = BEGIN

    def look(self, form: str, when: str) -> str:
        """What SQLite's STRFTIME answers, whatever the form: all ask for the time of now, to the millisecond."""
        self.at += TICK
        return self.at.strftime("%Y-%m-%d %H:%M:%S.%f")[:-3]

    def monotonic(self) -> float:
        return (self.at - BEGIN).total_seconds() + 1000.0

    def sleep(self, seconds: float) -> None:
        stop("asleep")

    def nanoseconds(self) -> int:
        actor = current()
        return int((self.at + (actor.skew if actor else timedelta(0))).timestamp() * 1000) * 1_000_000


@contextmanager
def machine(chance: Random) -> Iterator[Clock]:
    """Within this context the product runs on an empty database in memory, and by a clock of its own."""
    clock = Clock()
    wrapper = memory()
    wrapper.connection.deserialize(_empty())
    wrapper.connection.create_function("strftime", 2, clock.look)
    clocks = SimpleNamespace(monotonic=clock.monotonic, sleep=clock.sleep, time_ns=clock.nanoseconds)
    with ExitStack() as stack:
        for module in READ_THE_CLOCK:
            stack.enter_context(instead(module, "time", clocks))
        stack.enter_context(instead(gateway.ids, "time", clocks))
        stack.enter_context(instead(gateway.ids, "os", SimpleNamespace(urandom=chance.randbytes)))
        stack.enter_context(instead(sagas.words.retry, "random", chance))
        stack.enter_context(instead_of_the_database(wrapper))
        yield clock


@contextmanager
def instead(module: Any, name: str, what: Any) -> Iterator[None]:
    """Within this context a module sees another machine."""
    before = getattr(module, name)
    setattr(module, name, what)
    try:
        yield
    finally:
        setattr(module, name, before)


@contextmanager
def instead_of_the_database(wrapper: BaseDatabaseWrapper) -> Iterator[None]:
    """Within this context, this thread's connection is that one."""
    before = connections[DEFAULT_DB_ALIAS]
    connections[DEFAULT_DB_ALIAS] = wrapper
    try:
        yield
    finally:
        connections[DEFAULT_DB_ALIAS] = before


@cache
def memory() -> BaseDatabaseWrapper:
    """The connection to a database in memory that all actors share: on SQLite transactions stand in line anyway."""
    wrapper = connections.create_connection(DEFAULT_DB_ALIAS)
    wrapper.settings_dict = {**wrapper.settings_dict, "NAME": ":memory:"}
    wrapper.inc_thread_sharing()
    wrapper.connect()
    return wrapper


@cache
def _empty() -> bytes:
    """The tables, with nothing in them."""
    wrapper = memory()
    with instead_of_the_database(wrapper), wrapper.schema_editor() as editor:
        for label in ("sagas", "saga_participant"):
            for model in apps.get_app_config(label).get_models():
                editor.create_model(model)
    raw: sqlite3.Connection = wrapper.connection
    return raw.serialize()


@cache
def threads() -> ThreadPoolExecutor:
    """The threads of all actors; each sees the database in memory."""
    wrapper = memory()

    def share() -> None:
        connections[DEFAULT_DB_ALIAS] = wrapper

    return ThreadPoolExecutor(max_workers=64, thread_name_prefix="actor", initializer=share)
