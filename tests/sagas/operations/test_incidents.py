"""Incidents: one open for a saga, step, direction and reason; they count up, and close when the trouble is left."""

from datetime import timedelta

import pytest
from django.db import IntegrityError, transaction

from sagas import Retry, operations, parallel, saga, step
from sagas.errors import Abort, RetryLater, Unknown
from sagas.models import Incident, Run, Saga, Worker
from sagas.record import clock
from sagas.record.locked import turn
from sagas.words.verdict import Reason
from tests.sagas.operations import states
from tests.sagas.operations.states import BY, HOUR, come_to, fresh
from tests.sagas.world import World, open_incidents, run_of

pytestmark = pytest.mark.django_db


def held(world: World, *does: object, **options: object) -> Saga:
    world.script("ship", *does)
    return come_to(world, step(world.ship, compensation=world.unship, on_failure="incident", **options))


def test_an_incident_says_what_why_since_when_and_how_often(world: World) -> None:
    found = held(world, Abort("the depot burned down", code="no_depot"))
    incident = Incident.objects.get()
    assert (incident.path, incident.direction, incident.reason) == ("ship", "forward", "refused")
    assert (incident.reason_code, incident.sentence, incident.times) == ("no_depot", "the depot burned down", 1)
    assert incident.opened_at == incident.last_at == run_of(found, "ship").incidents.get().opened_at
    assert fresh(found).open_incidents == 1


def test_a_new_occurrence_counts_up_and_opens_no_second_one(world: World) -> None:
    found = held(world, Abort("no"), Abort("still no"), Abort("never"))
    for times in (2, 3):
        operations.retry(found.pk, **BY)
        world.work()
        incident = Incident.objects.get()
        assert (incident.times, incident.closed_at, fresh(found).open_incidents) == (times, None, 1)
    assert incident.sentence == "never"
    assert incident.last_at > incident.opened_at


def test_the_database_refuses_a_second_open_one(world: World) -> None:
    held(world, Abort("no"))
    incident = Incident.objects.get()
    incident.pk = None
    with pytest.raises(IntegrityError), transaction.atomic():
        incident.save(force_insert=True)


def test_a_retry_marks_it_and_never_closes_it_by_the_click(world: World) -> None:
    found = held(world, Abort("no"))
    operations.retry(found.pk, **BY)
    incident = Incident.objects.get()
    assert incident.retried_at is not None
    assert (incident.closed_at, fresh(found).open_incidents) == (None, 1)
    world.work()
    incident.refresh_from_db()
    assert (incident.closed_as, fresh(found).open_incidents) == ("settled", 0)


def test_a_retry_that_fails_again_is_not_marked_any_more(world: World) -> None:
    found = held(world, Abort("no"), Abort("no"))
    operations.retry(found.pk, **BY)
    world.work()
    assert Incident.objects.get().retried_at is None


def test_a_resolve_that_leaves_the_step_in_trouble_leaves_its_incident_open(world: World) -> None:
    found = states.held_in_doubt(world)
    operations.resolve(found.pk, step="ship", landed=False, **BY)
    assert open_incidents(found) == [("ship", "outcome_unknown")]
    operations.skip(found.pk, step="ship", **BY)
    assert open_incidents(found) == []


def test_a_step_that_leaves_one_trouble_for_another_has_only_the_other_open(world: World) -> None:
    found = held(world, Abort("no"), Unknown("lost"), idempotent=False)
    assert open_incidents(found) == [("ship", "refused")]
    operations.retry(found.pk, **BY)
    world.work()
    assert open_incidents(found) == [("ship", "outcome_unknown")]
    assert fresh(found).open_incidents == 1


def test_each_step_and_each_item_has_its_own(world: World) -> None:
    for name in ("left", "right"):
        world.script(name, Abort("no"))
    rows = [step(world.function(n), reads_only=True, on_failure="incident") for n in ("left", "right")]
    found = come_to(world, parallel(*rows))
    assert sorted(open_incidents(found)) == [("left", "refused"), ("right", "refused")]
    operations.skip(found.pk, step="left", **BY)
    assert open_incidents(found) == [("right", "refused")]


def test_turning_back_supersedes_what_is_open_forward(world: World) -> None:
    found = held(world, Abort("no"))
    operations.cancel(found.pk, **BY)
    assert Incident.objects.get().closed_as == "superseded"
    world.work()
    assert (fresh(found).state, fresh(found).open_incidents) == ("cancelled", 0)


def test_the_end_of_the_saga_closes_what_is_open(world: World) -> None:
    found = held(world, Abort("no"))
    operations.give_up(found.pk, **BY)
    assert (Incident.objects.get().closed_as, fresh(found).open_incidents) == ("ended", 0)


def test_past_the_pivot_spent_retries_open_one_incident_that_success_closes_by_itself(world: World) -> None:
    world.script("ship", *[RetryLater("busy")] * 5)
    few = Retry(attempts=2, first=timedelta(seconds=1), longest=timedelta(minutes=1))
    found = come_to(world, step(world.confirm, pivot=True), step(world.ship, no_compensation="never", retry=few))
    for _ in range(3):
        world.later(2 * timedelta(minutes=1))
        world.work()
    assert open_incidents(found) == [("ship", "retries_exhausted")]
    assert Incident.objects.get().times > 1
    found = world.run_through(found)
    assert (found.state, open_incidents(found)) == ("completed", [])


def test_a_stuck_child_is_an_incident_at_its_parent_that_closes_when_the_child_moves_again(world: World) -> None:
    found = states.waiting_for_a_stuck_child(world)
    assert (fresh(found).state, open_incidents(found)) == ("waiting", [("shipping", "child_stuck")])
    assert str(states.child_of(found).pk) in found.incidents.get().sentence
    operations.retry(states.child_of(found).pk, **BY)
    world.work()
    assert (fresh(found).state, open_incidents(found)) == ("completed", [])


def test_a_version_that_no_living_worker_knows_is_an_incident_that_closes_by_itself(world: World) -> None:
    found = states.begun(world)
    now = clock.now()
    Worker.objects.create(name="other", definitions=[["other", 1, "x"]], queues=["sagas"], started_at=now, beat_at=now)
    world.sweep_later(timedelta(seconds=30))
    assert open_incidents(found) == []
    world.later(timedelta(seconds=60))
    Worker.objects.update(beat_at=clock.now())
    world.sweep_later(timedelta(seconds=5))
    assert open_incidents(found) == [("charge", "definition_unknown")]
    assert run_of(found, "charge").tries == 0
    world.work()
    assert (fresh(found).state, open_incidents(found)) == ("completed", [])
    assert Incident.objects.get().closed_as == "known again"


def test_the_count_on_the_saga_is_the_number_of_open_incidents(world: World) -> None:
    for build in states.STATES.values():
        build(world)
        states.put_aside(world)
    for found in Saga.objects.all():
        assert found.open_incidents == Incident.objects.open().filter(saga=found).count(), found.pk


def test_what_needs_a_person_is_listed_whatever_the_state(world: World) -> None:
    with_incidents = {
        states.held_refused: "stuck",
        states.past_the_pivot_with_its_deadline_missed: "waiting",
        states.ended_and_landed_after_all: "cancelled",
    }
    for build, state in with_incidents.items():
        found = build(world)
        assert fresh(found).state == state
        assert Saga.objects.needing_a_person().filter(pk=found.pk).exists()
        states.put_aside(world)


def test_an_incident_about_the_saga_as_a_whole_has_no_step_and_is_one_too(world: World) -> None:
    found = states.waiting_for_a_signal(world)
    for _ in range(2):
        with turn(found.pk, "a test") as t:
            t.incident(None, Reason.DEADLINE, "deadline", "It passed.")
    assert (Incident.objects.get().path, Incident.objects.get().times) == ("", 2)


def test_a_stuck_way_back_and_a_held_step_of_one_name_are_two_incidents(world: World) -> None:
    found = states.held_refused(world)
    operations.cancel(found.pk, **BY)
    world.script("refund", Abort("cannot"))
    world.work()
    directions = set(Incident.objects.filter(saga=found).values_list("path", "direction"))
    assert directions == {("ship", "forward"), ("charge", "back")}
    assert open_incidents(found) == [("charge", "compensation_refused")]
    assert not Run.objects.filter(saga=found, held=True).exists()
    world.later(HOUR)


def test_a_saga_needs_a_person_as_long_as_an_incident_is_open_and_no_longer(world: World) -> None:
    found = saga("one", step(world.ship, compensation=world.unship, on_failure="incident"))
    world.script("ship", Abort("no"))
    begun = world.start(found)
    world.work()
    assert Saga.objects.needing_a_person().count() == 1
    operations.skip(begun.pk, step="ship", **BY)
    assert Saga.objects.needing_a_person().count() == 0
