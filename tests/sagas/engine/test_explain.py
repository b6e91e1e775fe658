"""`explain` answers in a sentence, whatever the saga is doing."""

from datetime import timedelta

import pytest

from sagas import Abort, Retry, RetryLater, operations, saga, step
from sagas.engine.explain import explain
from sagas.errors import Unknown
from sagas.models import Incident, Run, Saga, Work, Worker
from sagas.record import clock
from sagas.record.attempts import claim
from tests.sagas.world import World, run_of

pytestmark = pytest.mark.django_db


def two(world: World, **options):
    return saga(
        "two", step(world.lock, compensation=world.release), step(world.charge, compensation=world.refund, **options)
    )


def test_what_is_due_running_and_waiting_for_its_next_try(world):
    found = world.start(two(world))
    assert "lock is due since" in explain(found)
    run = run_of(found, "lock")
    claim(run.pk, run.fence, world.worker)
    assert "lock is running (try 1)" in explain(found)
    Run.objects.filter(pk=run.pk).update(work=Work.DUE, worker=None, at=clock.now() + timedelta(minutes=1))
    assert "an operator can retry it now" in explain(found)


def test_a_held_step_says_why_and_who_can_help(world):
    world.script("charge", Unknown("the line went dead"))
    found = world.run_through(world.start(two(world, idempotent=False)))
    sentence = explain(found)
    assert "charge needs a person since" in sentence
    assert "the line went dead" in sentence
    assert "retry" in sentence


def test_what_kills_its_workers_is_not_retried_unseen(world):
    world.script("charge", Unknown("The worker that ran it is gone."))
    found = world.run_through(world.start(two(world, idempotent=False)))
    Incident.objects.update(reason="crashed")
    assert explain(found).endswith("Its workers died, which it may have caused: read their logs before you retry it.")


def test_going_back_says_because_of_what(world):
    world.script("charge", Abort("no money"))
    world.script("release", RetryLater("busy", after=timedelta(minutes=5)))
    found = world.start(two(world))
    world.work()
    found.refresh_from_db()
    assert explain(found).startswith("Going back because charge failed (no money): lock is undone at")


@pytest.mark.parametrize(
    ("does", "words"), [([], "It completed"), ([Abort("no")], "It failed because charge failed (no) and everything")]
)
def test_the_end(world, does, words):
    world.script("charge", *does)
    assert explain(world.run_through(world.start(two(world)))).startswith(words)


def test_cancelled_and_paused(world):
    world.script("charge", RetryLater("busy", after=timedelta(minutes=5)))
    found = world.start(two(world, retry=Retry(attempts=9)))
    world.work()
    Saga.objects.filter(pk=found.pk).update(paused_at=clock.now(), paused_by="bob")
    found.refresh_from_db()
    assert explain(found).startswith("Paused by bob since")
    Saga.objects.filter(pk=found.pk).update(paused_at=None)
    operations.cancel(found.pk, actor="ann", reason="no")
    assert explain(world.run_through(found)).startswith("It was cancelled by ann and everything")


def test_nobody_there_to_take_it_is_said(world):
    found = world.start(two(world))
    world.later(timedelta(seconds=20))
    assert "no living worker serves queue 'sagas'; start one" in explain(found)
    now = clock.now()
    Worker.objects.create(name="w", queues=["sagas"], started_at=now, beat_at=now)
    assert "a worker of queue 'sagas' takes it next" in explain(found)


def test_what_somebody_said_at_length_is_cut_and_who_can_help_is_said_all_the_same(world):
    world.script("charge", Abort("no money " * 100))
    world.knows(table := saga("one", step(world.charge, compensation=world.refund, on_failure="incident")))
    said = explain(world.run_through(world.start(table)))
    assert len(said) < 400
    assert said.endswith("…. An operator can retry it.")
