"""Who does the same at the same time waits for the first in memory, and no longer than there is patience."""

import threading
from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from gateway import idempotency
from gateway.callers import Caller
from gateway.problems import Problem
from gateway.turns import TooLong, Turns
from tests.harness.waiting import wait_until

LONG = timedelta(seconds=60)
CALLER = Caller(name="service")
MANY = 20


class Work:
    """Something that is done in a turn, until it is told how it ends."""

    def __init__(self, turns: Turns) -> None:
        self.turns, self.inside, self.end = turns, threading.Event(), threading.Event()
        self.error: Exception | None = None

    def do(self) -> None:
        with self.turns.turn("one", LONG):
            self.inside.set()
            assert self.end.wait(LONG.total_seconds())
            if self.error:
                raise self.error


def test_all_who_waited_for_what_went_well_go_on_together(aside):
    turns, together = Turns(), threading.Barrier(MANY - 1, timeout=LONG.total_seconds())
    work = Work(turns)

    def later() -> None:
        with turns.turn("one", LONG) as rest:
            assert rest <= LONG
            together.wait()  # nobody leaves before all are in

    first = aside(work.do)
    assert work.inside.wait(LONG.total_seconds())
    others = [aside(later) for _ in range(MANY - 1)]
    wait_until(lambda: waiting_for(turns, "one") == MANY - 1, "all of them wait", LONG)
    work.end.set()
    for each in [first, *others]:
        each.result(LONG.total_seconds())
    assert turns._taken == {}


def test_after_one_that_failed_one_alone_is_the_next(aside):
    turns, inside, most = Turns(), [], []
    work = Work(turns)
    work.error = ZeroDivisionError()

    def later() -> None:
        with turns.turn("one", LONG):
            inside.append(1)
            most.append(len(inside))
            inside.pop()
            raise ZeroDivisionError

    first = aside(work.do)
    assert work.inside.wait(LONG.total_seconds())
    others = [aside(later) for _ in range(MANY - 1)]
    work.end.set()
    for each in [first, *others]:
        with pytest.raises(ZeroDivisionError):
            each.result(LONG.total_seconds())
    assert most == [1] * (MANY - 1)
    assert turns._taken == {}


def test_patience_has_an_end_and_other_names_are_free(aside):
    turns = Turns()
    work = Work(turns)
    first = aside(work.do)
    assert work.inside.wait(LONG.total_seconds())
    for patience in (timedelta(0), timedelta(milliseconds=10)):
        with pytest.raises(TooLong), turns.turn("one", patience):
            pytest.fail("somebody is at it")
    with turns.turn("two", timedelta(0)) as rest:
        assert rest == timedelta(0)
    work.end.set()
    first.result(LONG.total_seconds())
    with turns.turn("one", timedelta(0)):
        pass


def test_whoever_waits_under_a_key_asks_the_database_nothing_meanwhile(transactional_db, aside, settings):
    """Each would hold a connection for as long as it waits, and ten of them all that the process has."""
    settings.GATEWAY = {**settings.GATEWAY, "IDEMPOTENCY_WAIT": timedelta(milliseconds=10)}
    inside, leave = threading.Event(), threading.Event()

    def first() -> None:
        with idempotency.remembered(CALLER, "order", "one", {}) as memory:
            inside.set()
            assert leave.wait(LONG.total_seconds())
            memory.keep(201, {"id": 1})

    def second() -> tuple[int, list[dict[str, str]]]:
        with CaptureQueriesContext(connection) as asked:
            try:
                with idempotency.remembered(CALLER, "order", "one", {}) as memory:
                    return memory.answer.status, asked.captured_queries
            except Problem as problem:
                return problem.status_code, asked.captured_queries

    slow = aside(first)
    assert inside.wait(LONG.total_seconds())
    found = [aside(second) for _ in range(MANY - 1)]
    try:
        assert [each.result(LONG.total_seconds()) for each in found] == [(409, [])] * (MANY - 1)
    finally:
        leave.set()
    slow.result(LONG.total_seconds())
    assert aside(second).result(LONG.total_seconds())[0] == 201


@pytest.mark.only_on("postgresql")
def test_whoever_waits_has_given_its_connection_back(transactional_db, aside):
    turns = Turns()
    work = Work(turns)
    first = aside(work.do)
    assert work.inside.wait(LONG.total_seconds())

    def second() -> object:
        connection.ensure_connection()
        with turns.turn("one", LONG):
            return connection.connection

    other = aside(second)
    wait_until(lambda: waiting_for(turns, "one") == 1, "it waits", LONG)
    work.end.set()
    first.result(LONG.total_seconds())
    assert other.result(LONG.total_seconds()) is None


def waiting_for(turns: Turns, name: str) -> int:
    """How many wait for whoever is at it."""
    return len(turns._taken[name].over._cond._waiters)  # type: ignore[attr-defined]
