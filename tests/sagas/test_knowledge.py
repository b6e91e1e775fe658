"""What is known of a step's effect, the three kinds of failure, and the keys: the contract, sentence by sentence."""

from datetime import timedelta
from typing import Any

import pytest

from sagas import Abort, Retry, RetryLater, operations, saga, step
from sagas.engine.sweep import sweep
from sagas.errors import Denied, NotAllowed, Unknown
from sagas.models import Run, Saga
from sagas.record import clock
from sagas.words.definition import Definition
from sagas.words.outcome import Lost, NotNow, Outcome, Refused, ShutOut, Succeeded, Unstorable
from tests.sagas.world import World, moves_of, open_incidents, run_of

pytestmark = pytest.mark.django_db

ONCE = Retry(attempts=1)
TWICE = Retry(attempts=2, first=timedelta(seconds=1))


def order(world: World, **options: Any) -> Definition:
    return saga(
        "order", step(world.lock, compensation=world.release), step(world.charge, compensation=world.refund, **options)
    )


def at_charge(world: World, **options: Any) -> tuple[Saga, Any]:
    """An order whose charge is under way."""
    found = world.start(order(world, **options))
    world.deliver_one(run_of(found, "lock"))
    return found, world.attempt(found, "charge")


def happened(found: Saga) -> str:
    return run_of(found, "charge").happened


def ended(found: Saga) -> tuple[str, list[tuple[str, str]]]:
    found.refresh_from_db()
    return found.state, open_incidents(found)


# What is known


def test_it_starts_at_no_an_attempt_in_flight_makes_it_maybe_and_a_success_yes(world: World) -> None:
    found = world.start(order(world))
    world.deliver_one(run_of(found, "lock"))
    assert happened(found) == "no"
    held = world.attempt(found, "charge")
    assert happened(found) == "maybe"
    world.answer(held, Succeeded())
    assert happened(found) == "yes"


@pytest.mark.parametrize("came", [Refused(error="no"), NotNow(error="busy"), ShutOut(error="who are you?")])
def test_a_refusal_or_a_not_now_speaks_of_its_own_attempt_only(world: World, came: Outcome) -> None:
    found, held = at_charge(world)
    world.lose(held)
    second = world.attempt(found, "charge")
    world.answer(second, came)
    assert happened(found) == "maybe"


@pytest.mark.parametrize("came", [Refused(error="no"), NotNow(error="busy"), ShutOut(error="?"), Lost(error="lost")])
def test_what_is_known_to_have_happened_never_goes_back(world: World, came: Outcome) -> None:
    found, zombie = at_charge(world)
    world.lose(zombie)
    second = world.attempt(found, "charge")
    world.answer(zombie, Succeeded(result={"id": 7}))
    world.answer(second, came)
    assert happened(found) == "yes"


@pytest.mark.parametrize("last", [Abort("no"), RetryLater("busy"), Unknown("lost"), ValueError("oops")])
@pytest.mark.parametrize("doubt", [True, False])
def test_on_the_way_back_everything_that_is_not_no_is_compensated_whatever_the_last_attempt_came_to(
    world: World, last: Exception, doubt: bool
) -> None:
    world.script("charge", Unknown("lost") if doubt else RetryLater("busy"), last)
    found = world.run_through(world.start(order(world, retry=TWICE)))
    in_doubt = doubt or isinstance(last, Unknown | ValueError)
    assert ("refund" in world.called) is in_doubt
    assert found.state == "compensated"


def test_only_a_person_or_a_final_probe_takes_a_doubt_back(world: World) -> None:
    world.script("charge", Unknown("lost"))
    found = world.run_through(world.start(order(world, idempotent=False)))
    assert (happened(found), found.state) == ("maybe", "stuck")
    operations.resolve(found.pk, step="charge", landed=False, actor="ann", reason="not in their books")
    assert happened(found) == "no"
    operations.cancel(found.pk, actor="ann", reason="enough")
    assert world.run_through(found).state == "cancelled"
    assert "refund" not in world.called


# Refused


def test_a_refused_step_is_never_tried_again(world: World) -> None:
    world.script("charge", Abort("no"))
    found = world.run_through(world.start(order(world)))
    assert (world.called, found.state) == (["lock", "charge", "release"], "compensated")


@pytest.mark.parametrize("done", [None, {"held": 5}])
def test_a_step_that_did_part_of_it_is_compensated_with_what_was_done(world: World, done: object) -> None:
    world.script("charge", Abort("half of it", done=done))
    world.run_through(world.start(order(world)))
    assert world.called == ["lock", "charge", "refund", "release"]
    assert (world.contexts[2].action.result, world.contexts[2].action.happened) == (done, "yes")


# Not now


def test_a_step_shut_out_is_never_turned_back_by_itself(world: World) -> None:
    world.script("charge", *[Denied("401")] * 2)
    found = world.run_through(world.start(order(world, retry=TWICE)))
    assert (found.state, found.going, open_incidents(found)) == ("stuck", "forward", [("charge", "shut_out")])
    assert world.called == ["lock", "charge", "charge"]


# Unknown


def test_without_a_word_about_it_an_unknown_outcome_is_tried_again_under_the_same_key(world: World) -> None:
    world.script("charge", Unknown("lost"), ValueError("oops"))
    found = world.run_through(world.start(order(world)))
    keys = {key for name, key in world.calls if name == "charge"}
    assert (found.state, world.called.count("charge"), len(keys)) == ("completed", 3, 1)


@pytest.mark.parametrize("came", [Lost(error="lost"), Lost(error="the worker died", died=True), NotNow(error="busy")])
def test_a_step_in_doubt_that_is_not_idempotent_is_never_blindly_repeated(world: World, came: Outcome) -> None:
    found, held = at_charge(world, idempotent=False)
    world.lose(held)
    assert ended(found) == ("stuck", [("charge", "outcome_unknown")])
    assert run_of(found, "charge").work is None
    operations.retry(found.pk, actor="ann", reason="I know what I do")
    world.answer(world.attempt(found, "charge"), came)
    assert ended(found) == ("stuck", [("charge", "outcome_unknown")])


def test_a_step_that_is_not_idempotent_is_tried_again_while_it_is_known_not_to_have_happened(world: World) -> None:
    world.script("charge", RetryLater("busy"))
    found = world.run_through(world.start(order(world, idempotent=False)))
    assert (found.state, world.called.count("charge")) == ("completed", 2)


# A result that cannot be stored


def test_a_result_that_cannot_be_stored_makes_the_step_yes_without_result_and_is_compensated(world: World) -> None:
    world.script("charge", object())
    found = world.run_through(world.start(order(world)))
    charge = run_of(found, "charge")
    assert (charge.happened, charge.result, world.called.count("charge")) == ("yes", None, 1)
    assert (found.state, world.called[-2:]) == ("compensated", ["refund", "release"])


def test_past_the_pivot_a_result_that_cannot_be_stored_is_an_incident_and_never_repeated(world: World) -> None:
    world.script("ship", object())
    table = saga("order", step(world.pay, pivot=True), step(world.ship, no_compensation="past the pivot"))
    found = world.run_through(world.start(table))
    assert (found.state, open_incidents(found)) == ("stuck", [("ship", "result_unstorable")])
    with pytest.raises(NotAllowed):
        operations.retry(found.pk, actor="ann", reason="again")
    operations.skip(found.pk, step="ship", actor="ann", reason="it was shipped", result={"parcel": 7})
    found.refresh_from_db()
    assert (found.state, world.called.count("ship")) == ("completed", 1)
    assert run_of(found, "ship").result == {"parcel": 7}


# The probe


def test_a_probe_is_an_attempt_of_its_own_kind_that_asks_the_steps_timeout_later(world: World) -> None:
    world.script("charge", Unknown("lost"))
    found = world.start(order(world, probe=world.find, timeout=timedelta(seconds=40)))
    world.work(found)
    charge = run_of(found, "charge")
    pause = charge.at - clock.now()
    assert (charge.doing, charge.state) == ("probe", "unknown")
    assert timedelta(seconds=35) < pause <= timedelta(seconds=40)
    assert world.run_through(found).state == "completed"
    assert run_of(found, "charge").result == {"from": "find"}
    assert {key for name, key in world.calls if name in ("charge", "find")} == {charge.action_key}


def test_probe_after_says_when_the_participant_is_asked(world: World) -> None:
    world.script("charge", Unknown("lost"))
    found = world.start(order(world, probe=world.find, probe_after=timedelta(minutes=9)))
    world.work(found)
    assert run_of(found, "charge").at - clock.now() > timedelta(minutes=8)


def test_a_probe_has_a_lease_and_a_probe_that_died_is_asked_again(world: World) -> None:
    world.script("charge", Unknown("lost"))
    found = world.start(order(world, probe=world.find, probe_after=timedelta(seconds=1)))
    world.work(found)
    world.later(timedelta(seconds=2))
    held = world.attempt(found, "charge")
    assert held.run.doing == "probe"
    world.sweep_later(timedelta(seconds=40))
    charge = run_of(found, "charge")
    assert (charge.work, charge.doing, charge.fence > held.run.fence) == ("due", "probe", True)
    world.run_through(found)
    assert world.called.count("charge") == 1


def test_cannot_tell_and_exceptions_are_asked_again_and_then_a_person(world: World) -> None:
    world.script("charge", Unknown("lost"))
    world.script("find", RetryLater("cannot tell"), ValueError("oops"), Unknown("lost"))
    found = world.run_through(world.start(order(world, probe=world.find, retry=Retry(attempts=3))))
    assert (world.called.count("find"), world.called.count("charge")) == (3, 1)
    assert (found.state, open_incidents(found)) == ("stuck", [("charge", "outcome_unknown")])
    assert happened(found) == "maybe"


@pytest.mark.parametrize(("final", "known"), [(True, "no"), (False, "maybe")])
def test_not_landed_makes_it_no_only_where_a_late_request_would_be_refused(
    world: World, final: bool, known: str
) -> None:
    world.script("charge", Unknown("lost"), Abort("no"))
    world.script("find", Abort("not landed"))
    found = world.run_through(world.start(order(world, probe=world.find, probe_is_final=final)))
    assert (happened(found), found.state) == (known, "compensated")
    assert ("refund" in world.called) is (known == "maybe")


@pytest.mark.parametrize("final", [True, False])
def test_what_has_not_landed_is_repeated_only_if_idempotent_or_known_not_to_have_happened(
    world: World, final: bool
) -> None:
    world.script("charge", Unknown("lost"))
    world.script("find", Abort("not landed"))
    once = {"probe": world.find, "probe_is_final": final, "idempotent": False}
    found = world.run_through(world.start(order(world, **once)))
    assert world.called.count("charge") == (2 if final else 1)
    assert found.state == ("completed" if final else "stuck")


def test_on_the_way_back_only_the_pivot_is_probed(world: World) -> None:
    world.script("charge", Unknown("lost"))
    found = world.start(order(world, probe=world.find))
    world.work(found)
    assert run_of(found, "charge").doing == "probe"
    operations.cancel(found.pk, actor="ann", reason="no")
    assert world.run_through(found).state == "cancelled"
    assert world.called == ["lock", "charge", "refund", "release"]


def test_a_probe_that_comes_late_is_knowledge_and_its_result_goes_to_the_compensation(world: World) -> None:
    world.script("charge", Unknown("lost"))
    found = world.start(order(world, probe=world.find, probe_after=timedelta(seconds=1)))
    world.work(found)
    world.later(timedelta(seconds=2))
    held = world.attempt(found, "charge")
    world.lose(held)
    world.answer(held, Succeeded(result={"id": 3}))
    assert happened(found) == "yes"
    operations.cancel(found.pk, actor="ann", reason="no")
    world.run_through(found)
    assert world.contexts[-2].action.result == {"id": 3}


# Exhausted


@pytest.mark.parametrize(
    ("options", "state", "incidents"),
    [
        ({}, "compensated", []),
        ({"on_exhausted": "suspend"}, "stuck", [("charge", "retries_exhausted")]),
        ({"optional": True}, "completed", []),
        ({"optional": True, "on_exhausted": "skip"}, "completed", []),
    ],
)
def test_when_its_tries_are_used_up_on_exhausted_says_what_then(
    world: World, options: dict[str, Any], state: str, incidents: list[tuple[str, str]]
) -> None:
    world.script("charge", RetryLater("busy"), RetryLater("busy"))
    found = world.run_through(world.start(order(world, retry=TWICE, **options)))
    assert (found.state, open_incidents(found), world.called.count("charge")) == (state, incidents, 2)


def test_the_total_bounds_all_attempts_together(world: World) -> None:
    world.script("charge", *[RetryLater("busy", after=timedelta(minutes=10))] * 5)
    found = world.run_through(world.start(order(world, total=timedelta(minutes=25))))
    assert (found.state, world.called.count("charge")) == ("compensated", 3)


# Keys


def test_a_retry_of_a_step_that_is_no_begins_the_next_generation_with_a_fresh_budget(world: World) -> None:
    world.script("charge", *[RetryLater("busy")] * 3)
    found = world.run_through(world.start(order(world, retry=TWICE, on_exhausted="suspend")))
    operations.retry(found.pk, actor="ann", reason="they are back")
    assert world.run_through(found).state == "completed"
    keys = [key for name, key in world.calls if name == "charge"]
    assert keys == [f"{found.pk}:charge:0:1"] * 2 + [f"{found.pk}:charge:0:2"] * 2


def test_a_retry_of_a_step_that_is_maybe_keeps_key_and_input_and_an_edited_input_is_refused(world: World) -> None:
    world.script("charge", Unknown("lost"))
    found = world.run_through(world.start(order(world, idempotent=False), {"amount": 5}))
    with pytest.raises(NotAllowed) as refused:
        operations.retry(found.pk, actor="ann", reason="less", input={"amount": 4})
    assert refused.value.code == "in_doubt"
    operations.retry(found.pk, actor="ann", reason="again")
    assert world.run_through(found).state == "completed"
    assert {key for name, key in world.calls if name == "charge"} == {f"{found.pk}:charge:0:1"}
    assert [ctx.input for ctx in world.contexts] == [{"amount": 5}] * 3


def test_once_resolved_as_not_landed_the_input_may_be_edited_under_a_new_key(world: World) -> None:
    world.script("charge", Unknown("lost"))
    found = world.run_through(world.start(order(world, idempotent=False), {"amount": 5}))
    operations.resolve(found.pk, step="charge", landed=False, actor="ann", reason="not there")
    operations.retry(found.pk, actor="ann", reason="less", input={"amount": 4})
    assert world.run_through(found).state == "completed"
    assert world.calls[-1] == ("charge", f"{found.pk}:charge:0:2")
    assert world.contexts[-1].input == {"amount": 4}


def test_a_compensation_is_given_the_input_that_its_action_was_claimed_with(world: World) -> None:
    world.script("charge", Abort("too much"), Abort("still"))
    found = world.run_through(world.start(order(world, on_failure="incident"), {"amount": 5}))
    operations.retry(found.pk, actor="ann", reason="less", input={"amount": 4})
    found = world.run_through(found)
    operations.cancel(found.pk, actor="ann", reason="enough")
    world.run_through(found)
    given = {name: ctx.input["amount"] for name, ctx in zip(world.called, world.contexts, strict=True)}
    assert given == {"lock": 5, "charge": 4, "release": 5}


def test_a_compensation_has_a_key_of_its_own_the_same_over_its_attempts(world: World) -> None:
    world.script("charge", Abort("no"))
    world.script("release", Unknown("lost"), RetryLater("busy"))
    found = world.run_through(world.start(order(world)))
    keys = [key for name, key in world.calls if name == "release"]
    assert keys == [f"{found.pk}:lock:0:1:undo"] * 3
    assert {ctx.action.key for ctx in world.contexts[2:]} == {f"{found.pk}:lock:0:1"}


def test_at_most_one_result_is_recorded_per_step_direction_and_generation(world: World) -> None:
    found, held = at_charge(world)
    assert not world.answer(held, Succeeded(result=1)).late
    for second in (Succeeded(result=2), Unstorable(error="x"), Refused(error="no")):
        assert world.answer(held, second).late
    charge = run_of(found, "charge")
    assert (charge.state, charge.result) == ("succeeded", 1)
    assert [move["did"] for move in moves_of(found) if move.get("step") == "charge"].count("succeeded") == 1


def test_an_expired_lease_is_an_unknown_outcome(world: World) -> None:
    found, held = at_charge(world, retry=ONCE)
    world.later(held.run.ends_at - clock.now() - timedelta(seconds=1))
    sweep()
    assert Run.objects.get(pk=held.run.pk).work == "running"
    world.sweep_later(timedelta(seconds=5))
    assert happened(found) == "maybe"
    assert world.run_through(found).state == "compensated"
    assert world.called == ["lock", "refund", "release"]
