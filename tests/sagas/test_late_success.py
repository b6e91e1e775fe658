"""An answer after its attempt was given up: knowledge, never applied forward; the contract, case by case."""

from datetime import timedelta
from typing import Any

import pytest

from sagas import Abort, Retry, RetryLater, operations
from sagas.models import Saga
from sagas.record.attempts import Claim
from sagas.words.outcome import Lost, NotNow, Outcome, Refused, Succeeded
from tests.sagas.orders import at_charge, sides
from tests.sagas.world import World, due_back, moves_of, open_incidents, run_of

pytestmark = pytest.mark.django_db

TWICE = Retry(attempts=2, first=timedelta(seconds=1))


def turned_back_with_a_zombie(world: World, **options: Any) -> tuple[Saga, Claim]:
    """A cancelled order; the worker that charges is taken for dead, and will speak later."""
    found, zombie = at_charge(world, **options)
    operations.cancel(found.pk, actor="ann", reason="no")
    world.lose(zombie)
    return found, zombie


def test_a_late_success_before_any_attempt_of_the_compensation_gives_it_the_result(world: World) -> None:
    found, zombie = turned_back_with_a_zombie(world)
    assert run_of(found, "charge").undo == "due"
    world.answer(zombie, Succeeded(result={"id": 9}))
    world.run_through(found)
    assert world.keys("refund") == ["charge:0:1:undo"]
    assert (world.contexts[1].action.result, world.contexts[1].action.happened) == ({"id": 9}, "yes")


def test_a_late_success_after_it_was_spared_is_undone_at_once(world: World) -> None:
    found = world.start(sides(world, "a", "b", last=False))
    world.deliver_one(run_of(found, "first"))
    zombie = world.attempt(found, "a")
    slow = world.attempt(found, "b")
    world.lose(zombie)
    operations.cancel(found.pk, actor="ann", reason="no")
    operations.resolve(found.pk, step="a", landed=False, actor="ann", reason="not there")
    assert run_of(found, "a").undo == "unneeded"
    world.answer(zombie, Succeeded(result={"id": 9}))
    assert [run.path for run in due_back(found)] == ["a"]
    world.answer(slow, Refused(error="no"))
    assert world.run_through(found).state == "cancelled"
    assert world.called == ["first", "una", "unfirst"]
    assert world.contexts[1].action.result == {"id": 9}


def test_a_late_success_after_it_was_undone_is_undone_once_more_at_once_under_a_new_key(world: World) -> None:
    world.script("release", RetryLater("busy", after=timedelta(minutes=5)))
    found, zombie = turned_back_with_a_zombie(world)
    world.work(found)
    assert run_of(found, "charge").undo == "done"
    world.answer(zombie, Succeeded(result={"id": 9}))
    world.work(found)
    assert world.keys("refund") == ["charge:0:1:undo", "charge:0:1:undo:2"]
    assert world.run_through(found).state == "cancelled"


def test_a_late_success_in_back_off_is_undone_once_more_at_once_under_a_new_key(world: World) -> None:
    world.script("refund", RetryLater("busy", after=timedelta(minutes=5)))
    found, zombie = turned_back_with_a_zombie(world)
    world.work(found)
    world.answer(zombie, Succeeded(result={"id": 9}))
    world.work(found)
    found.refresh_from_db()
    assert world.keys("refund") == ["charge:0:1:undo", "charge:0:1:undo:2"]
    assert found.state == "cancelled"


@pytest.mark.parametrize(
    "ends", [Succeeded(), Refused(error="nothing to refund"), NotNow(error="busy"), Lost(error="lost")]
)
def test_a_late_success_during_a_compensation_is_undone_once_more_however_that_ends(
    world: World, ends: Outcome
) -> None:
    found, zombie = turned_back_with_a_zombie(world)
    undoing = world.attempt(found, "charge")
    assert undoing.run.doing == "compensation"
    assert world.answer(zombie, Succeeded(result={"id": 9})).late
    world.answer(undoing, ends)
    assert open_incidents(found) == []
    world.work(found)
    found.refresh_from_db()
    assert world.keys("refund") == ["charge:0:1:undo:2"]
    assert (found.state, world.contexts[1].action.result) == ("cancelled", {"id": 9})


def test_a_late_success_while_stuck_is_undone_once_more_on_the_operators_retry(world: World) -> None:
    world.script("refund", Abort("nothing to refund"))
    found, zombie = turned_back_with_a_zombie(world)
    world.work(found)
    world.answer(zombie, Succeeded(result={"id": 9}))
    world.work(found)
    assert world.keys("refund") == ["charge:0:1:undo"]
    operations.retry(found.pk, actor="ann", reason="there is now")
    assert world.run_through(found).state == "cancelled"
    assert world.keys("refund") == ["charge:0:1:undo", "charge:0:1:undo:2"]
    assert open_incidents(found) == []


def test_a_late_success_after_it_was_waived_is_an_incident(world: World) -> None:
    world.script("refund", Abort("nothing to refund"))
    world.script("release", Abort("cannot"))
    found, zombie = turned_back_with_a_zombie(world)
    world.work(found)
    operations.waive(found.pk, step="charge", actor="ann", reason="nothing was there")
    world.work(found)
    world.answer(zombie, Succeeded(result={"id": 9}))
    assert ("charge", "late_success") in open_incidents(found)
    assert run_of(found, "charge").undo == "waived"


def test_a_late_success_without_a_compensation_is_an_incident(world: World) -> None:
    world.script("release", Abort("cannot"))
    found, zombie = turned_back_with_a_zombie(world, compensation=None, no_compensation="a trifle")
    world.work(found)
    world.answer(zombie, Succeeded(result={"id": 9}))
    assert ("charge", "late_success") in open_incidents(found)


def test_a_late_success_of_what_only_reads_is_of_no_interest(world: World) -> None:
    found, zombie = turned_back_with_a_zombie(world, compensation=None, reads_only=True)
    world.run_through(found)
    world.answer(zombie, Succeeded(result={"id": 9}))
    assert open_incidents(found) == []


def ended_with_a_late_success(world: World) -> Saga:
    found, zombie = turned_back_with_a_zombie(world)
    world.run_through(found)
    world.answer(zombie, Succeeded(result={"id": 9}))
    found.refresh_from_db()
    assert (found.state, open_incidents(found)) == ("cancelled", [("charge", "late_success")])
    assert world.keys("refund") == ["charge:0:1:undo"]
    assert {"retry", "waive"} <= set(operations.allowed(found))
    return found


def test_on_an_ended_saga_a_late_success_is_compensated_once_more_when_a_person_says_so(world: World) -> None:
    found = ended_with_a_late_success(world)
    operations.retry(found.pk, actor="ann", reason="once more")
    assert world.run_through(found).state == "cancelled"
    assert world.keys("refund") == ["charge:0:1:undo", "charge:0:1:undo:2"]
    assert world.contexts[-1].action.result == {"id": 9}
    assert open_incidents(found) == []


def test_on_an_ended_saga_a_late_success_is_waived_when_a_person_says_so(world: World) -> None:
    found = ended_with_a_late_success(world)
    operations.waive(found.pk, step="charge", actor="ann", reason="refunded by hand")
    found.refresh_from_db()
    assert (found.state, open_incidents(found), world.keys("refund")) == ("cancelled", [], ["charge:0:1:undo"])


def test_what_is_compensated_once_more_on_an_ended_saga_can_get_stuck_and_be_retried(world: World) -> None:
    found = ended_with_a_late_success(world)
    world.script("refund", Abort("not today"))
    operations.retry(found.pk, actor="ann", reason="once more")
    found = world.run_through(found)
    assert ("charge", "compensation_refused") in open_incidents(found)
    assert {"retry", "waive"} <= set(operations.allowed(found))
    operations.retry(found.pk, actor="ann", reason="today")
    found = world.run_through(found)
    assert (found.state, open_incidents(found), found.open_incidents) == ("cancelled", [], 0)
    assert world.keys("refund")[1:] == ["charge:0:1:undo:2"] * 2


@pytest.mark.parametrize("came", [Refused(error="no"), NotNow(error="busy"), Lost(error="lost")])
def test_a_late_failure_is_a_note(world: World, came: Outcome) -> None:
    found, zombie = turned_back_with_a_zombie(world)
    before = run_of(found, "charge")
    assert world.answer(zombie, came).late
    after = run_of(found, "charge")
    assert (after.happened, after.undo, after.fence) == (before.happened, before.undo, before.fence)
    assert (open_incidents(found), after.late["outcome"]) == ([], type(came).__name__.lower())


def test_a_compensation_that_succeeds_late_is_a_note(world: World) -> None:
    found, _ = turned_back_with_a_zombie(world)
    undoing = world.attempt(found, "charge")
    world.lose(undoing)
    assert world.answer(undoing, Succeeded()).late
    assert (run_of(found, "charge").undo, open_incidents(found)) == ("due", [])
    assert moves_of(found)[-1]["did"] == "late"
    assert world.run_through(found).state == "cancelled"
    assert world.keys("refund") == ["charge:0:1:undo"]


def test_a_late_success_is_never_applied_forward(world: World) -> None:
    found, zombie = at_charge(world)
    world.lose(zombie)
    world.answer(zombie, Succeeded(result={"late": True}))
    found.refresh_from_db()
    assert (run_of(found, "charge").state, found.state) == ("due", "running")
    assert world.run_through(found).state == "completed"
    assert run_of(found, "charge").result == {"from": "charge"}
