"""What a function asks of the database is answered, or waited for."""

import time
from dataclasses import dataclass, replace
from typing import Any

import pytest
from django.db import OperationalError, connection

from sagas import saga, step
from sagas.engine.context import context_of
from sagas.models import Saga
from sagas.record.attempts import Claim
from tests.sagas.world import World, run_of

pytestmark = pytest.mark.django_db(transaction=True)


@dataclass
class Away:
    """A database that answers only after it was asked so many times."""

    times: int
    asked: int = 0

    def __call__(self, execute: Any, *question: Any) -> Any:
        self.asked += 1
        if self.asked <= self.times:
            raise OperationalError("The database is being restarted.")
        return execute(*question)


def at_second(world: World) -> tuple[Saga, Claim]:
    """A saga whose first step has a result and whose second one is under way."""
    first = step(world.first, name="first", no_compensation="It is a test.")
    second = step(world.second, name="second", no_compensation="It is a test.")
    found = world.start(saga("two", first, second))
    world.deliver_one(run_of(found, "first"))
    return found, world.attempt(found, "second")


def test_a_result_is_waited_for_while_the_database_is_away(world: World) -> None:
    _, held = at_second(world)
    with connection.execute_wrapper(Away(times=2)):
        assert context_of(held).results["first"] == {"from": "first"}


def test_a_heartbeat_is_waited_for_while_the_database_is_away(world: World) -> None:
    found, held = at_second(world)
    with connection.execute_wrapper(Away(times=2)):
        context_of(held).heartbeat({"done": 1})
    assert run_of(found, "second").progress == {"done": 1}


def test_a_late_call_is_made_once_the_database_says_that_the_attempt_is_still_ours(world: World, settings: Any) -> None:
    settings.SAGAS = {**settings.SAGAS, "SERVICES": {"bank": {"url": "http://127.0.0.1:1"}}}
    _, held = at_second(world)
    away = Away(times=1)
    with connection.execute_wrapper(away):
        assert context_of(replace(held, ends=held.ends - 5)).service("bank").deadline() > 0
    assert away.asked == 2


def test_nothing_is_waited_for_beyond_the_attempts_end(world: World) -> None:
    _, held = at_second(world)
    away = Away(times=1000)
    with connection.execute_wrapper(away), pytest.raises(OperationalError):
        _ = context_of(replace(held, ends=time.monotonic())).results["first"]
    assert away.asked == 1


def test_within_a_transaction_a_failure_is_told_at_once(world: World) -> None:
    outages: list[Away] = []

    def second(ctx: Any) -> None:
        outages.append(Away(times=1000))
        with connection.execute_wrapper(outages[-1]):
            _ = ctx.results["first"]

    first = step(world.first, name="first", no_compensation="It is a test.")
    world.start(saga("two", first, step(second, no_compensation="It is a test.", local=True)))
    world.work()
    assert [away.asked for away in outages] == [1]
