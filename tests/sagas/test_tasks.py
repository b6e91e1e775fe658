"""Celery's door: whatever a message says, a saga is moved only by what its rows say."""

import threading
from datetime import timedelta
from types import SimpleNamespace

import pytest
from celery import Celery, signals

from gateway import doorbell
from orchestrator import queues
from sagas import operations, saga, step, tasks
from sagas.engine import dispatch, workers
from sagas.engine.canary import Canary
from sagas.models import Saga
from sagas.record.turn import Bell
from sagas.tasks import deliver
from tests.sagas.world import run_of

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def a_worker_of_its_own(monkeypatch):
    monkeypatch.setattr(workers, "_here", workers.Here())


def test_a_worker_whose_consumer_fell_over_goes_on_with_nothing(world):
    found = world.start(saga("two", step(world.act, reads_only=True), step(world.look, reads_only=True)))
    run = run_of(found, "act")
    signals.worker_shutdown.send(sender=None)
    deliver(run.pk, run.fence)
    assert world.called == ["act"]


FORGED = [
    (None, None),
    ("1", 1),
    ([1], {"a": 1}),
    (-1, 1),
    (0, 0),
    (2**64, 1),
    (1, 2**40),
    (10**9, 1),
    (1.5, 1),
    (True, 1),
]


@pytest.mark.parametrize(("run_id", "fence"), FORGED)
def test_a_forged_message_moves_nothing(world, run_id, fence):
    found = world.start(saga("one", step(world.act, reads_only=True)))
    deliver(run_id, fence)
    found.refresh_from_db()
    assert (found.rev, world.called) == (1, [])


def test_a_message_that_comes_again_runs_nothing_again(world):
    found = world.start(saga("one", step(world.act, reads_only=True)))
    run = run_of(found, "act")
    for _ in range(3):
        deliver(run.pk, run.fence)
    assert (world.called, Saga.objects.get(pk=found.pk).state) == (["act"], "completed")


def test_a_message_that_names_several_steps_does_them_all(world, monkeypatch):
    monkeypatch.setattr(workers, "QUICK", 3600.0)
    world.knows(table := saga("one", step(world.act, reads_only=True)))
    runs = [run_of(one.saga, "act") for one in operations.start_many(table.name, [None] * 3, actor="ann")]
    deliver(*[number for run in runs for number in (run.pk, run.fence)])
    assert (len(world.called), Saga.objects.filter(state="completed").count()) == (3, 3)


@pytest.mark.parametrize("named", [(1,), (1, 1, 1), (1, 1, "1", 1), (1, 1) * 6])
def test_a_message_that_names_no_pairs_or_too_many_moves_nothing(world, named):
    found = world.start(saga("one", step(world.act, reads_only=True)))
    run = run_of(found, "act")
    deliver(*[run.pk if number == 1 and place == 0 else number for place, number in enumerate(named)])
    assert world.called == []


def test_steps_that_are_slow_are_left_to_others_one_by_one(world, monkeypatch):
    rung = []
    monkeypatch.setattr(doorbell, "ring", lambda task, args, queue, **options: rung.append(list(args)))
    monkeypatch.setattr(workers, "QUICK", -1.0)
    world.knows(table := saga("one", step(world.act, reads_only=True)))
    runs = [run_of(one.saga, "act") for one in operations.start_many(table.name, [None] * 3, actor="ann")]
    del rung[:]
    deliver(*[number for run in runs for number in (run.pk, run.fence)])
    assert (world.called, rung) == (["act"], [[runs[1].pk, 1], [runs[2].pk, 1]])


def test_what_begins_in_bulk_is_rung_for_together_and_neighbours_are_not(monkeypatch):
    rung = []
    monkeypatch.setattr(doorbell, "ring", lambda task, args, queue, **options: rung.append((list(args[::2]), queue)))
    bells = [Bell(run=number, fence=1, queue="sagas", definition="one") for number in range(1, 103)]
    dispatch.ring_many(bells)
    assert len(rung) == 21
    assert sorted(run for runs, _ in rung for run in runs) == list(range(1, 103))
    assert not any(abs(a - b) == 1 for runs, _ in rung for a in runs for b in runs)
    del rung[:]
    dispatch.ring_many(bells[:10])
    assert rung == [([number], "sagas:one") for number in range(1, 11)]


def test_a_function_that_hangs_is_woken_at_the_steps_timeout(world):
    table = saga("slow", step(world.act, reads_only=True, timeout=timedelta(milliseconds=50)))
    world.script("act", lambda ctx: threading.Event().wait(120))
    found = world.start(table)
    run = run_of(found, "act")
    deliver(run.pk, run.fence)
    run.refresh_from_db()
    assert (run.state, run.code, run.happened) == ("due", "timeout", "maybe")


@pytest.mark.parametrize(
    ("selected", "served", "consumed"),
    [
        (None, {"sagas", "hooks"}, {"sagas", "hooks", "sagas:one", "sagas:two", "hooks:two"}),
        ("hooks", {"hooks"}, {"hooks", "hooks:two"}),
        ("mail", {"mail"}, {"mail"}),
    ],
    ids=["without -Q", "with -Q hooks", "with -Q mail"],
)
def test_a_worker_takes_from_its_queues_and_their_lanes_and_is_known_by_its_queues(
    world, monkeypatch, selected, served, consumed
):
    monkeypatch.setattr(tasks, "_served", [])
    one = saga("one", step(world.act, reads_only=True))
    two = saga("two", step(world.act, reads_only=True), step(world.hear, reads_only=True, queue="hooks"))
    world.knows(one, two)
    with Celery("tests", broker="memory://", set_as_current=False) as app:
        app.conf.task_queues = queues.declared(["sagas"])
        app.amqp.queues.select(selected)
        tasks.add_queues(sender="w", instance=SimpleNamespace(app=app, concurrency=1))
        assert set(app.amqp.queues.consume_from) == consumed
        assert set(tasks._served) == served


@pytest.mark.parametrize(
    ("said", "rank"), [(0, 0), (1, 1), (2, 2), (9, 1), (-1, 1), (None, 1), ("0", 1), ([0], 1), ({}, 1)]
)
def test_a_message_has_the_rank_that_it_names_and_else_a_normal_one(said, rank):
    assert tasks._rank(SimpleNamespace(delivery_info={"priority": said})) == rank


def test_a_worker_is_deaf_only_when_it_had_room_and_the_broker_took_messages(settings):
    settings.SAGAS = {"DEAF_AFTER": timedelta(0)}
    busy = False
    canary = Canary("test", busy=lambda: busy)
    assert canary.deaf()
    busy = True
    settings.SAGAS = {"DEAF_AFTER": timedelta(seconds=30)}
    assert not canary.deaf()
    canary.heard()
    busy = False
    assert not canary.deaf()
