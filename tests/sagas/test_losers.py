"""Members that a join can do without: let finish, then undone at once, beside whatever goes on."""

from datetime import timedelta
from typing import Any

import pytest

from sagas import Abort, Retry, operations, parallel, saga, step
from sagas.engine import delivery
from sagas.errors import Unknown
from sagas.models import Saga
from sagas.words.outcome import Lost, NotNow, Outcome, Refused, Succeeded
from tests.sagas.world import World, due_back, open_incidents, run_of

pytestmark = pytest.mark.django_db

TWICE = Retry(attempts=2, first=timedelta(seconds=1))


def joined(world: World, *names: str, join: int = 1, **options: Any) -> Saga:
    """Members of which `join` must succeed, then a step."""
    members = (step(world.function(name), compensation=world.function(f"un{name}"), **options) for name in names)
    table = saga("quotes", parallel(*members, join=join), step(world.book, compensation=world.unbook))
    return world.start(table)


def test_after_the_kth_success_members_not_begun_are_cancelled(world: World) -> None:
    found = joined(world, "a", "b", "c")
    world.deliver_one(run_of(found, "b"))
    runs = {name: run_of(found, name) for name in "abc"}
    assert {name: (run.state, run.undo) for name, run in runs.items()} == {
        "a": ("cancelled", "none"),
        "b": ("succeeded", "owed"),
        "c": ("cancelled", "none"),
    }
    assert world.run_through(found).state == "completed"
    assert world.called == ["b", "book"]


@pytest.mark.parametrize(
    ("came", "undone"), [(Succeeded(), True), (Lost(error="lost"), True), (NotNow(error="busy"), False)]
)
def test_a_running_loser_is_let_finish_without_a_further_attempt_and_undone_at_once(
    world: World, came: Outcome, undone: bool
) -> None:
    found = joined(world, "a", "b")
    held = world.attempt(found, "b")
    world.deliver_one(run_of(found, "a"))
    delivery.context_of(held).heartbeat()
    world.answer(held, came)
    assert [run.path for run in due_back(found)] == (["b"] if undone else [])
    found = world.run_through(found)
    assert (found.state, "unb" in world.called, "b" in world.called) == ("completed", undone, False)


def test_a_loser_in_doubt_and_in_back_off_makes_no_further_attempt_and_is_undone(world: World) -> None:
    world.script("b", Unknown("lost"))
    found = joined(world, "a", "b")
    world.deliver_one(run_of(found, "b"))
    world.deliver_one(run_of(found, "a"))
    assert world.run_through(found).state == "completed"
    assert (world.called.count("b"), world.called.count("unb")) == (1, 1)


def test_a_loser_that_a_person_was_to_look_at_is_superseded_and_undone(world: World) -> None:
    world.script("b", Unknown("lost"))
    found = joined(world, "a", "b", idempotent=False)
    world.deliver_one(run_of(found, "b"))
    assert open_incidents(found) == [("b", "outcome_unknown")]
    world.deliver_one(run_of(found, "a"))
    assert open_incidents(found) == []
    assert world.run_through(found).state == "completed"
    assert (world.called.count("b"), world.called.count("unb")) == (1, 1)


def test_a_saga_does_not_end_before_its_losers_are_settled(world: World) -> None:
    found = joined(world, "a", "b")
    held = world.attempt(found, "b")
    world.deliver(run_of(found, "a"))
    found.refresh_from_db()
    assert (run_of(found, "book").state, found.state) == ("succeeded", "running")
    world.answer(held, Succeeded())
    found.refresh_from_db()
    assert found.state == "running"
    world.work(found)
    found.refresh_from_db()
    assert (found.state, world.called) == ("completed", ["a", "book", "unb"])


def test_a_loser_whose_compensation_is_stuck_keeps_the_saga_open_until_a_person_has_settled_it(world: World) -> None:
    world.script("unb", Abort("cannot"))
    found = joined(world, "a", "b")
    held = world.attempt(found, "b")
    world.deliver_one(run_of(found, "a"))
    world.answer(held, Succeeded())
    found = world.run_through(found)
    assert (found.state, open_incidents(found)) == ("waiting", [("b", "compensation_refused")])
    operations.waive(found.pk, step="b", actor="ann", reason="by hand")
    found.refresh_from_db()
    assert found.state == "completed"


def test_a_late_success_of_a_loser_is_undone_beside_the_forward_side(world: World) -> None:
    found = joined(world, "a", "b")
    zombie = world.attempt(found, "b")
    world.lose(zombie)
    again = world.attempt(found, "b")
    world.deliver_one(run_of(found, "a"))
    world.answer(again, Refused(error="no"))
    world.deliver_one(run_of(found, "b"))
    assert run_of(found, "b").undo == "done"
    world.answer(zombie, Succeeded(result={"id": 2}))
    assert [run.path for run in due_back(found)] == ["b"]
    assert world.run_through(found).state == "completed"
    assert world.keys("unb") == ["b:0:1:undo", "b:0:1:undo:2"]
    assert open_incidents(found) == []


def test_a_loser_is_undone_also_past_the_pivot(world: World) -> None:
    members = (step(world.function(name), compensation=world.function(f"un{name}")) for name in "ab")
    found = world.start(saga("quotes", parallel(*members, join=1), step(world.pay, pivot=True)))
    held = world.attempt(found, "b")
    world.deliver(run_of(found, "a"))
    found.refresh_from_db()
    assert (found.committed_at is not None, found.state) == (True, "running")
    world.answer(held, Succeeded())
    assert world.run_through(found).state == "completed"
    assert world.called == ["a", "pay", "unb"]


def test_turning_back_with_a_loser_still_under_way_drains_it_too(world: World) -> None:
    found = joined(world, "a", "b")
    first, loser = world.attempt(found, "a"), world.attempt(found, "b")
    world.answer(first, Succeeded())
    operations.cancel(found.pk, actor="ann", reason="no")
    world.work(found)
    assert world.called == []
    world.answer(loser, Succeeded())
    assert world.run_through(found).state == "cancelled"
    assert world.called == ["unb", "una"]
