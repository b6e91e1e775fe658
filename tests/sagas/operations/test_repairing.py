"""`resolve`, `skip`, `reschedule`, `waive`, `give_up`: what a person knows, or decides."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest

from sagas import operations, step, wait
from sagas.errors import Abort, InvalidInput, NotAllowed
from sagas.models import Saga
from sagas.record import clock
from sagas.record.locked import turn
from sagas.words.outcome import NotNow
from sagas.words.verdict import Reason
from tests.sagas.operations import states
from tests.sagas.operations.states import BY, HOUR, come_to, fresh, put_aside
from tests.sagas.world import World, open_incidents, run_of

pytestmark = pytest.mark.django_db


def code_of(verb: Callable[..., Any], found: Saga, **options: Any) -> str:
    with pytest.raises(NotAllowed) as refusal:
        verb(found.pk, **BY, **options)
    return refusal.value.code


def test_a_step_that_landed_succeeds_with_the_result_that_a_person_gives(world: World) -> None:
    found = states.held_in_doubt(world)
    operations.resolve(found.pk, step="ship", landed=True, result={"parcel": 7}, **BY)
    assert (fresh(found).state, run_of(found, "ship").result) == ("completed", {"parcel": 7})
    assert (world.called.count("ship"), open_incidents(found)) == (1, [])


def test_a_step_that_did_not_land_still_needs_a_decision_and_owes_nothing(world: World) -> None:
    found = states.held_in_doubt(world)
    operations.resolve(found.pk, step="ship", landed=False, **BY)
    assert (fresh(found).state, run_of(found, "ship").happened) == ("stuck", "no")
    operations.cancel(found.pk, **BY)
    world.work()
    assert world.called == ["charge", "ship", "refund"]


def test_a_pivot_that_landed_commits(world: World) -> None:
    found = states.pivot_in_doubt(world)
    operations.resolve(found.pk, step="confirm", landed=True, **BY)
    assert fresh(found).committed_at is not None
    assert fresh(found).state == "completed"


def test_a_pivot_that_did_not_land_lets_a_deadline_that_was_noted_take_effect(world: World) -> None:
    world.script("confirm", Exception("lost"))
    found = come_to(world, step(world.confirm, pivot=True, idempotent=False), deadline=HOUR)
    world.sweep_later(2 * HOUR)
    assert fresh(found).going == "forward"
    operations.resolve(found.pk, step="confirm", landed=False, **BY)
    world.work()
    assert (fresh(found).state, fresh(found).cause) == ("compensated", "deadline")


def test_only_a_step_in_doubt_without_a_live_attempt_is_resolved(world: World) -> None:
    cases = [(states.running, "charge"), (states.due, "charge"), (states.held_refused, "ship"), (states.asleep, "nap")]
    for build, path in cases:
        assert code_of(operations.resolve, build(world), step=path, landed=True) == "not_in_doubt"
        put_aside(world)
    assert code_of(operations.resolve, states.completed(world), step="charge", landed=True) == "ended"


def test_on_the_way_back_what_did_not_land_is_not_undone_and_what_may_have_is(world: World) -> None:
    found = states.draining_in_doubt_behind_another(world)
    operations.resolve(found.pk, step="left", landed=False, **BY)
    world.sweep_later(HOUR)
    world.work()
    assert fresh(found).state == "cancelled"
    assert world.called == ["unship", "refund"]
    assert run_of(found, "left").undo == "unneeded"


def test_a_result_that_cannot_be_stored_is_refused(world: World) -> None:
    found = states.held_in_doubt(world)
    for verb, options in ((operations.resolve, {"landed": True}), (operations.skip, {})):
        with pytest.raises(InvalidInput) as refusal:
            verb(found.pk, step="ship", result=object(), **options, **BY)
        assert refusal.value.errors[0]["pointer"] == "/result"


def test_a_skipped_step_has_the_result_that_is_supplied_and_is_not_called_again(world: World) -> None:
    seen: list[Any] = []
    world.script("ship", Abort("no"))
    look = step(lambda ctx: seen.append(ctx.results["ship"]), name="look", reads_only=True)
    found = come_to(world, step(world.ship, compensation=world.unship, on_failure="incident"), look)
    operations.skip(found.pk, step="ship", result={"by": "hand"}, **BY)
    world.work()
    assert (fresh(found).state, seen, world.called) == ("completed", [{"by": "hand"}], ["charge", "ship"])
    assert run_of(found, "ship").state == "skipped"


def test_a_skip_says_nothing_of_the_effect_which_is_undone_on_the_way_back(world: World) -> None:
    world.script("ship", Exception("lost"))
    found = come_to(world, step(world.ship, compensation=world.unship, idempotent=False), wait("settled"))
    operations.skip(found.pk, step="ship", **BY)
    assert run_of(found, "ship").happened == "maybe"
    operations.cancel(found.pk, **BY)
    world.work()
    assert world.called == ["charge", "ship", "unship", "refund"]


def test_a_pivot_in_doubt_is_never_skipped(world: World) -> None:
    found = states.pivot_in_doubt(world)
    assert code_of(operations.skip, found, step="confirm") == "pivot_in_doubt"
    assert "skip" not in operations.allowed(found)


def test_only_what_needs_a_person_is_skipped(world: World) -> None:
    cases = [(states.due, "charge"), (states.in_back_off, "charge"), (states.asleep, "nap")]
    for build, path in [*cases, (states.stuck_on_the_way_back, "charge")]:
        assert code_of(operations.skip, build(world), step=path) == "not_held"
        put_aside(world)


@pytest.mark.parametrize(
    ("name", "path"), [("waiting_for_a_signal", "settled"), ("asleep", "nap"), ("waiting_for_a_decision", "large")]
)
def test_a_clock_is_moved_to_a_time_and_fires_then_and_not_before(world: World, name: str, path: str) -> None:
    found = states.STATES[name](world)
    at = clock.now() + timedelta(days=30)
    operations.reschedule(found.pk, step=path, at=at, **BY)
    world.sweep_later(timedelta(days=29))
    assert run_of(found, path).work == "waiting"
    world.sweep_later(timedelta(days=1, minutes=1))
    world.work()
    assert fresh(found).ended_at


@pytest.mark.parametrize(
    ("name", "path"), [("waiting_for_a_signal", "settled"), ("asleep", "nap"), ("waiting_for_a_decision", "large")]
)
def test_a_clock_that_is_moved_to_the_past_fires_now(world: World, name: str, path: str) -> None:
    found = states.STATES[name](world)
    operations.reschedule(found.pk, step=path, at=clock.now() - HOUR, **BY)
    world.work()
    assert fresh(found).ended_at


def test_a_back_off_is_moved_in_both_directions(world: World) -> None:
    found = states.in_back_off(world)
    at = clock.now() + 3 * HOUR
    operations.reschedule(found.pk, step="charge", at=at, **BY)
    assert abs(run_of(found, "charge").at - at) < timedelta(seconds=5)
    world.later(2 * HOUR)
    world.work()
    assert world.called == ["charge"]
    operations.reschedule(found.pk, step="charge", at=clock.now() - HOUR, **BY)
    world.work()
    assert world.called == ["charge", "charge"]


def test_a_deadline_is_moved_and_one_in_the_past_turns_back_now(world: World) -> None:
    found = states.waiting_with_a_deadline(world)
    at = clock.now() + 3 * HOUR
    operations.reschedule(found.pk, at=at, **BY)
    world.sweep_later(2 * HOUR)
    assert (fresh(found).deadline_at, fresh(found).going) == (at, "forward")
    operations.reschedule(found.pk, at=clock.now() - HOUR, **BY)
    world.work()
    assert (fresh(found).state, fresh(found).cause) == ("compensated", "deadline")


def test_a_deadline_that_was_missed_past_the_pivot_is_moved_and_its_incident_closed(world: World) -> None:
    found = states.past_the_pivot_with_its_deadline_missed(world)
    operations.reschedule(found.pk, at=clock.now() + HOUR, **BY)
    assert open_incidents(found) == []
    world.sweep_later(2 * HOUR)
    assert open_incidents(found) == [("", "deadline")]


def test_what_has_no_clock_is_not_moved(world: World) -> None:
    later = {"at": clock.now() + HOUR}
    cases = [(states.running, "charge"), (states.held_refused, "ship"), (states.waiting_for_a_child, "shipping")]
    for build, path in [*cases, (states.due, "charge"), (states.due, None)]:
        assert code_of(operations.reschedule, build(world), step=path, **later) == "no_clock"
        put_aside(world)
    assert code_of(operations.reschedule, states.completed(world), **later) == "ended"


def test_a_time_without_a_zone_is_refused(world: World) -> None:
    found = states.asleep(world)
    with pytest.raises(InvalidInput):
        operations.reschedule(found.pk, step="nap", at=datetime(2030, 1, 1), **BY)


def test_a_waived_compensation_counts_as_done_and_the_way_back_goes_on(world: World) -> None:
    world.script("ship", Abort("no"))
    world.script("unpack", Abort("cannot"))
    found = come_to(world, step(world.pack, compensation=world.unpack), step(world.ship, reads_only=True))
    assert (found.state, world.called) == ("stuck", ["charge", "pack", "ship", "unpack"])
    operations.waive(found.pk, step="pack", **BY)
    world.work()
    assert (fresh(found).state, world.called[-1], run_of(found, "pack").undo) == ("compensated", "refund", "waived")
    assert open_incidents(found) == []


def test_only_a_stuck_compensation_is_waived_and_only_with_evidence(world: World) -> None:
    for build in (states.due, states.undoing, states.undoing_in_back_off, states.compensated):
        assert code_of(operations.waive, build(world), step="charge") == "not_stuck"
        put_aside(world)
    found = states.stuck_on_the_way_back(world)
    with pytest.raises(InvalidInput):
        operations.waive(found.pk, step="charge", actor="ann", reason=" ")
    assert fresh(found).state == "stuck"


def test_what_landed_after_the_end_is_waived_with_its_incident(world: World) -> None:
    found = states.ended_and_landed_after_all(world)
    operations.waive(found.pk, step="charge", **BY)
    assert (open_incidents(found), fresh(found).state) == ([], "cancelled")


@pytest.mark.parametrize("name", ["given_up_forward", "given_up_on_the_way_back"])
def test_a_saga_that_was_given_up_is_failed_and_lists_the_effects_left_in_place(world: World, name: str) -> None:
    found = fresh(states.STATES[name](world))
    assert (found.state, open_incidents(found)) == ("failed", [])
    left = [entry["step"] for entry in found.failure["in_place"]]
    assert left == [run.path for run in operations.effects_in_place(found)] == ["charge"]
    assert found.failure["by"] == "ann"


def test_nothing_of_a_given_up_saga_ever_moves_by_itself(world: World) -> None:
    world.script("ship", Abort("no"))
    found = come_to(world, step(world.ship, reads_only=True, on_failure="incident"), deadline=HOUR)
    operations.give_up(found.pk, **BY)
    rev = fresh(found).rev
    world.sweep_later(5 * HOUR)
    world.work()
    assert (fresh(found).rev, fresh(found).state) == (rev, "failed")


def test_a_saga_is_given_up_only_with_an_open_incident_nothing_running_and_no_live_child(world: World) -> None:
    cases = {
        "due": "no_incident",
        "waiting_for_a_signal": "no_incident",
        "undoing": "no_incident",
        "held_while_a_sibling_runs": "at_work",
        "waiting_for_a_stuck_child": "at_work",
        "completed": "ended",
    }
    for name, code in cases.items():
        assert code_of(operations.give_up, states.STATES[name](world)) == code
        put_aside(world)


def test_a_saga_with_a_loser_that_cannot_be_undone_is_given_up(world: World) -> None:
    found = states.a_loser_that_cannot_be_undone(world)
    operations.give_up(found.pk, **BY)
    assert "slow" in [entry["step"] for entry in fresh(found).failure["in_place"]]


def test_a_saga_that_has_not_begun_and_has_an_incident_is_given_up(world: World) -> None:
    found = states.to_begin_later(world)
    with turn(found.pk, "sweep") as t:
        t.incident(t.run(path="charge"), Reason.DEFINITION_UNKNOWN, "definition_unknown", "Nobody knows it.")
    assert "give_up" not in operations.allowed(fresh(found))
    assert code_of(operations.give_up, found) == "not_begun"
    operations.cancel(found.pk, **BY)
    assert (fresh(found).state, open_incidents(found)) == ("cancelled", [])


def test_a_step_that_was_resolved_while_it_waited_for_its_next_try_is_not_tried(world: World) -> None:
    found = states.in_back_off_and_in_doubt(world)
    operations.resolve(found.pk, step="ship", landed=True, result=1, **BY)
    world.later(2 * HOUR)
    world.work()
    assert (fresh(found).state, world.called.count("ship"), run_of(found, "ship").result) == ("completed", 1, 1)


def test_an_answer_that_comes_after_a_person_resolved_the_step_changes_nothing(world: World) -> None:
    found = states.begun(world, step(world.ship, compensation=world.unship, idempotent=False))
    world.record(world.attempt(found, "charge"))
    held = world.attempt(found, "ship")
    world.lose(held)
    operations.resolve(found.pk, step="ship", landed=True, result="known", **BY)
    assert world.answer(held, NotNow(error="busy", code="busy")).late
    assert (fresh(found).state, run_of(found, "ship").result) == ("completed", "known")
