"""Where the broker does not rank its messages, a worker does first what comes before the step that it is told of."""

from datetime import timedelta

import pytest
from django.db import OperationalError, connection

from gateway.doorbell import Rank
from sagas import saga, step
from sagas.engine.workers import Here
from sagas.models import Run, Saga
from sagas.models.saga import Going
from sagas.record import clock
from sagas.words.lifecycle import SagaState
from tests.sagas.world import World

pytestmark = pytest.mark.django_db


@pytest.fixture
def three(world: World) -> dict[int, Run]:
    """A due run of each priority, by priority: the low one first, the high one last."""
    tables = {n: saga(name, step(world.function(name), name="act", reads_only=True)) for n, name in NAMES.items()}
    world.knows(*tables.values())
    return {n: Run.objects.get(saga=world.start(table, priority=n)) for n, table in tables.items()}


NAMES = {-1: "low", 0: "normal", 1: "high"}


def deliver(run: Run, rank: Rank, *, ranked: bool = False) -> int:
    return Here(queues=["sagas"], ranked=ranked).deliver(run.pk, run.fence, rank)


def test_a_normal_step_comes_after_a_high_one(world, three):
    assert deliver(three[0], Rank.NORMAL) == 1
    assert world.called == ["high", "normal"]


def test_a_low_step_comes_after_all_others(world, three):
    assert deliver(three[-1], Rank.LAST) == 1
    assert world.called == ["high", "normal", "low"]


def test_a_high_step_comes_at_once(world, three):
    assert deliver(three[1], Rank.FIRST) == 1
    assert world.called == ["high"]


def test_with_a_broker_that_ranks_nobody_asks(world, three):
    assert deliver(three[-1], Rank.LAST, ranked=True) == 1
    assert world.called == ["low"]


def test_what_gives_way_for_a_whole_slice_is_rung_for_again(world, three, settings):
    settings.SAGAS = {"SLICE_TIME": timedelta(microseconds=1)}
    worker = Here(queues=["sagas"], ranked=False)
    assert worker.deliver(three[-1].pk, three[-1].fence, Rank.LAST) == 0
    assert "low" not in world.called
    assert Run.objects.filter(pk=three[-1].pk, work="due").exists()


def test_without_an_answer_from_the_database_it_is_no_use_to_ask_who_comes_first(world, three):
    def fail(execute, sql, parameters, many, context):
        if "ROW_NUMBER" in sql:
            raise OperationalError("away")
        return execute(sql, parameters, many, context)

    with connection.execute_wrapper(fail):
        assert deliver(three[0], Rank.NORMAL) == 1
    assert world.called == ["normal"]


def test_what_nobody_can_claim_holds_up_nobody(world, three):
    """Kills: giving way for ever to a step that is due and is not to be had."""
    Saga.objects.filter(definition="high").update(state=SagaState.COMPLETED, ended_at=clock.now(), going=Going.FORWARD)
    assert deliver(three[0], Rank.NORMAL) == 1
    assert world.called == ["normal"]
