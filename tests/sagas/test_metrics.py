"""The coordinator's figures say how all sagas stand."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from gateway.figures import Labels
from sagas import Abort, approval, metrics, operations, saga, sleep, step, wait
from sagas.engine.sweep import sweep
from sagas.models import Run, Saga, Worker
from sagas.operations import holding
from sagas.record import clock, holds
from sagas.words import registry

pytestmark = pytest.mark.django_db


def told() -> dict[str, dict[Labels, float]]:
    return {figure.name: dict(figure.values) for figure in metrics.figures()}


def test_an_empty_coordinator_has_figures_too():
    found = told()
    assert found["saga_live"] == {}
    assert found["saga_dead"] == {(): 0}
    assert found["saga_workers"] == {(): 0}
    assert set(found["saga_waiting"].values()) == {0}
    assert found["saga_sweep_age_seconds"] in ({}, {(): pytest.approx(0, abs=120)})


def test_live_sagas_are_told_by_definition_and_state_and_what_waits_by_its_reason(world):
    waiting = saga("paying", wait("paid", timeout=timedelta(days=1)))
    asking = saga("asking", approval("large"))
    resting = saga("resting", sleep(timedelta(hours=1), name="night"))
    world.knows(waiting, asking, resting, saga("order", step(world.charge, no_compensation="a test")))
    world.start(waiting)
    world.start(asking)
    world.start(resting)
    world.later(timedelta(seconds=40))
    world.start(waiting)
    operations.start("order", actor="a test")
    operations.start("order", actor="a test", start_at=clock.now() + timedelta(hours=1))
    operations.start("order", actor="a test", business_key="7")
    operations.start("order", actor="a test", business_key="7", on_duplicate="queue")
    paused = operations.start("order", actor="a test").saga
    operations.pause(paused.pk, actor="a test", reason="a test")
    found = told()
    assert found["saga_live"]["paying", "waiting"] == 2
    assert found["saga_live"]["asking", "waiting"] == 1
    assert found["saga_live"]["order", "pending"] == 2
    reasons = {reason: number for (reason,), number in found["saga_waiting"].items() if number}
    assert reasons == {
        "signal": 2,
        "approval": 1,
        "sleep": 1,
        "start": 1,
        "business_key": 1,
        "pause": 1,
        "retry": 1,
        "worker": 3,
    }
    ages = {reason: seconds for (reason,), seconds in found["saga_waiting_oldest_seconds"].items()}
    assert 40 <= ages["signal"] < 160
    assert ages["pause"] < 120


def test_what_is_due_is_told_by_queue_and_rank_with_the_age_of_the_first(world):
    table = saga(
        "order",
        step(world.charge, no_compensation="a test", queue="payments"),
    )
    world.start(table)
    world.later(timedelta(seconds=25))
    world.start(table, priority=5)
    world.start(table, priority=-5)
    found = told()
    assert found["saga_steps_due"] == {
        ("payments", "normal"): 1,
        ("payments", "first"): 1,
        ("payments", "last"): 1,
    }
    assert 25 <= found["saga_steps_due_oldest_seconds"]["payments", "normal"] < 145
    assert found["saga_steps_due_oldest_seconds"]["payments", "first"] < 120


def test_attempts_under_way_and_those_whose_time_is_over_are_told(world):
    started = world.start(saga("order", step(world.charge, no_compensation="a test", timeout=timedelta(seconds=30))))
    world.attempt(started, "charge")
    assert (told()["saga_steps_running"], told()["saga_steps_overdue"]) == ({(): 1}, {(): 0})
    world.later(timedelta(minutes=1))
    assert told()["saga_steps_overdue"] == {(): 1}


def test_open_incidents_are_told_by_step_and_reason(world):
    world.script("release", Abort("never"), Abort("never"))
    world.script("charge", Abort("no"), Abort("no"))
    table = saga("order", step(world.reserve, compensation=world.release), step(world.charge, no_compensation="a test"))
    for _ in range(2):
        world.run_through(world.start(table))
    found = told()
    assert found["saga_incidents_open"] == {("order", "reserve", "compensation_refused"): 2}
    assert found["saga_incidents_oldest_seconds"]["order", "reserve", "compensation_refused"] < 120


def test_names_that_the_code_does_not_have_are_other(world):
    world.script("charge", Abort("no"))
    table = saga("order", step(world.charge, no_compensation="a test", on_exhausted="suspend"))
    table = saga("order", step(world.reserve, compensation=world.charge), step(world.fail, no_compensation="a test"))
    world.script("fail", Abort("no"))
    world.run_through(world.start(table))
    Saga.objects.all().update(definition="from long ago")
    Run.objects.update(queue="from long ago")
    with registry.replaced([]):
        found = told()
    labels = {value for values in found.values() for combination in values for value in combination}
    assert "from long ago" not in labels
    assert {definition for definition, _ in found["saga_live"]} <= {"other"}
    assert {definition for definition, _, _ in found["saga_incidents_open"]} <= {"other"}


def test_workers_are_told_by_whose_heart_beats_and_what_they_serve(world):
    world.knows(saga("order", step(world.charge, no_compensation="a test", queue="payments")))
    now = clock.now()
    Worker.objects.create(
        name="one", started_at=now, beat_at=now, queues=["sagas"], concurrency=4, probed_at=now - timedelta(seconds=7)
    )
    Worker.objects.create(name="gone", started_at=now, beat_at=now - timedelta(minutes=1), queues=["payments"])
    found = told()
    assert found["saga_workers"] == {(): 1}
    assert found["saga_worker_slots"] == {("sagas",): 4, ("payments",): 0}
    assert 7 <= found["saga_canary_age_seconds"][()] < 127


def test_steps_of_a_participant_that_is_held_wait_for_that(world):
    world.knows(saga("order", step(world.charge, no_compensation="a test", participant="payments")))
    try:
        holding.hold("payments", actor="ann", reason="it answers 500")
        holds.look()
        started = operations.start("order", actor="a test").saga
        world.work(started)
        world.later(timedelta(seconds=20))
        found = told()
        assert found["saga_participants_held"] == {(): 1}
        assert (found["saga_waiting"]["participant",], found["saga_waiting"]["retry",]) == (1, 0)
        assert 20 <= found["saga_waiting_oldest_seconds"]["participant",] < 140
    finally:
        holds.forget()


def test_the_sweep_s_age_and_deadlines_that_nobody_saw_to_are_told(world):
    world.start(saga("order", wait("paid", timeout=timedelta(days=1)), deadline=timedelta(hours=1)))
    world.sweep_later(timedelta(minutes=1))
    assert told()["saga_deadlines_missed"] == {(): 0}
    world.later(timedelta(hours=2))
    found = told()
    assert 7200 <= found["saga_sweep_age_seconds"][()] < 7320
    assert found["saga_deadlines_missed"] == {(): 1}
    assert sweep()
    assert told()["saga_deadlines_missed"] == {(): 0}


def test_they_take_a_handful_of_statements_however_many_definitions_there_are(world):
    tables = [saga(f"order_{number}", step(world.charge, no_compensation="a test")) for number in range(30)]
    world.knows(*tables)
    for table in tables:
        operations.start(table.name, actor="a test")
    with CaptureQueriesContext(connection) as asked:
        metrics.figures()
    assert len(asked) <= 15
