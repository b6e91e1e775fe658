"""The point of no return: before it a saga can go back, after it only forward; the contract, sentence by sentence."""

from datetime import timedelta
from typing import Any

import pytest

from sagas import Abort, Retry, RetryLater, child, operations, saga, step, wait
from sagas.engine import delivery
from sagas.engine.sweep import sweep
from sagas.errors import Denied, NotAllowed, Unknown
from sagas.models import Incident, Journal, Run, Saga
from sagas.record import clock
from sagas.record.attempts import Claim
from sagas.words.definition import Definition
from sagas.words.outcome import Lost, NotNow, Outcome, Refused, ShutOut, Succeeded
from tests.sagas.world import World, moves_of, open_incidents, run_of

pytestmark = pytest.mark.django_db

HOUR = timedelta(hours=1)
TWICE = Retry(attempts=2, first=timedelta(seconds=1), longest=timedelta(minutes=1))


def order(world: World, deadline: timedelta | None = None, **options: Any) -> Definition:
    return saga(
        "order",
        step(world.lock, compensation=world.release),
        step(world.pay, pivot=True, **options),
        step(world.ship, no_compensation="past the pivot"),
        deadline=deadline,
    )


def at_the_pivot(world: World, **options: Any) -> tuple[Saga, Claim]:
    """An order whose pivot is under way."""
    found = world.start(order(world, **options))
    world.deliver_one(run_of(found, "lock"))
    return found, world.attempt(found, "pay")


def past_the_pivot(world: World, table: Definition) -> Saga:
    found = world.start(table)
    world.deliver_one(run_of(found, "pay"))
    found.refresh_from_db()
    assert found.committed_at is not None
    return found


def refused(verb: str, found: Saga) -> str:
    """The code with which the verb is refused, or nothing."""
    try:
        getattr(operations, verb)(found.pk, actor="ann", reason="no")
    except NotAllowed as error:
        assert verb not in error.allowed
        return error.code
    return ""


def seen(found: Saga) -> tuple[str, str, list[tuple[str, str]]]:
    found.refresh_from_db()
    return found.state, found.going, open_incidents(found)


# While it is open


@pytest.mark.parametrize("verb", ["cancel", "compensate"])
@pytest.mark.parametrize("local", [True, False])
def test_the_pivot_is_open_from_the_claim_of_its_first_attempt(world: World, verb: str, local: bool) -> None:
    found, held = at_the_pivot(world, local=local)
    assert refused(verb, found) == "at_the_pivot"
    world.answer(held, Succeeded())
    assert refused(verb, found) == "committed"


@pytest.mark.parametrize("verb", ["cancel", "compensate"])
def test_before_its_first_attempt_is_claimed_the_saga_can_go_back(world: World, verb: str) -> None:
    found = world.start(order(world))
    world.deliver_one(run_of(found, "lock"))
    assert refused(verb, found) == ""
    assert world.run_through(found).state in ("cancelled", "compensated")
    assert "pay" not in world.called


def test_while_its_own_functions_are_asked_the_pivot_is_not_open(world: World) -> None:
    found = world.start(order(world, when=lambda ctx: True))
    world.deliver_one(run_of(found, "lock"))
    asked = world.attempt(found, "pay")
    assert asked.run.doing == "decision"
    assert refused("cancel", found) == ""
    assert world.run_through(found).state == "cancelled"


@pytest.mark.parametrize("came", [NotNow(error="busy"), ShutOut(error="401")])
def test_the_pivot_is_closed_again_when_every_attempt_is_known_not_to_have_happened(
    world: World, came: Outcome
) -> None:
    found, held = at_the_pivot(world)
    world.answer(held, came)
    assert refused("cancel", found) == ""
    assert world.run_through(found).state == "cancelled"


@pytest.mark.parametrize("came", [NotNow(error="busy"), ShutOut(error="401"), Lost(error="lost")])
def test_the_pivot_stays_open_while_one_attempt_of_it_is_in_doubt(world: World, came: Outcome) -> None:
    found, held = at_the_pivot(world)
    world.answer(held, Lost(error="lost"))
    assert refused("cancel", found) == "at_the_pivot"
    world.later(timedelta(minutes=2))
    world.answer(world.attempt(found, "pay"), came)
    assert refused("cancel", found) == "at_the_pivot"


def test_a_late_success_of_an_attempt_keeps_the_pivot_open_until_it_has_succeeded(world: World) -> None:
    found, zombie = at_the_pivot(world)
    world.lose(zombie)
    world.answer(zombie, Succeeded(result={"id": 1}))
    assert refused("cancel", found) == "at_the_pivot"
    world.script("pay", Abort("never heard of it"))
    world.work(found)
    assert seen(found) == ("stuck", "forward", [("pay", "outcome_unknown")])


def test_a_refused_pivot_that_is_known_not_to_have_happened_turns_the_saga_back(world: World) -> None:
    world.script("pay", RetryLater("busy"), Abort("no money"))
    found = world.run_through(world.start(order(world)))
    assert (found.state, world.called) == ("compensated", ["lock", "pay", "pay", "release"])


# A deadline while it is open


def with_a_deadline_missed_at_the_pivot(world: World, **options: Any) -> tuple[Saga, Claim]:
    options = {"deadline": timedelta(seconds=5), "timeout": HOUR, **options}
    found, held = at_the_pivot(world, **options)
    world.sweep_later(timedelta(seconds=10))
    assert seen(found) == ("running", "forward", [])
    assert {"did": "deadline noted"} in moves_of(found)
    return found, held


@pytest.mark.parametrize("came", [Refused(error="no"), NotNow(error="busy")])
def test_a_deadline_is_noted_and_takes_effect_if_the_pivot_turns_out_not_to_have_happened(
    world: World, came: Outcome
) -> None:
    found, held = with_a_deadline_missed_at_the_pivot(world)
    world.answer(held, came)
    found = world.run_through(found)
    assert (found.state, found.cause, world.called) == ("compensated", "deadline", ["lock", "release"])


def test_a_deadline_becomes_an_incident_if_the_pivot_succeeds(world: World) -> None:
    found, held = with_a_deadline_missed_at_the_pivot(world)
    world.answer(held, Succeeded())
    assert ("", "deadline") in open_incidents(found)
    assert world.run_through(found).state == "completed"


def test_a_deadline_noted_waits_for_the_probe_and_then_takes_effect(world: World) -> None:
    world.script("ask", Abort("not landed"))
    asks = {"probe": world.ask, "probe_is_final": True, "probe_after": timedelta(seconds=1)}
    found, held = with_a_deadline_missed_at_the_pivot(world, **asks)
    world.answer(held, Lost(error="lost"))
    assert seen(found)[1] == "forward"
    found = world.run_through(found)
    assert (found.state, found.cause, world.called) == ("compensated", "deadline", ["lock", "ask", "release"])


def test_a_deadline_noted_takes_effect_when_a_person_says_that_it_did_not_happen(world: World) -> None:
    found, held = with_a_deadline_missed_at_the_pivot(world, idempotent=False)
    world.answer(held, Lost(error="lost"))
    assert seen(found) == ("stuck", "forward", [("pay", "outcome_unknown")])
    operations.resolve(found.pk, step="pay", landed=False, actor="ann", reason="not in their books")
    found = world.run_through(found)
    assert (found.state, found.cause) == ("compensated", "deadline")


def test_a_deadline_noted_becomes_an_incident_when_a_person_says_that_it_happened(world: World) -> None:
    found, held = with_a_deadline_missed_at_the_pivot(world, idempotent=False)
    world.answer(held, Lost(error="lost"))
    operations.resolve(found.pk, step="pay", landed=True, result=1, actor="ann", reason="in their books")
    found.refresh_from_db()
    assert (found.committed_at is not None, open_incidents(found)) == (True, [("", "deadline")])
    assert world.run_through(found).state == "completed"


def test_a_deadline_before_the_pivot_turns_back(world: World) -> None:
    world.script("lock", RetryLater("busy", after=HOUR))
    found = world.start(order(world, deadline=timedelta(minutes=5)))
    world.work(found)
    world.sweep_later(timedelta(minutes=6))
    assert world.run_through(found).state == "compensated"


# In doubt


def test_in_doubt_the_pivot_is_probed(world: World) -> None:
    world.script("pay", Unknown("lost"))
    found = world.run_through(world.start(order(world, probe=world.ask)))
    assert (found.state, world.called) == ("completed", ["lock", "pay", "ask", "ship"])
    assert found.committed_at is not None


def test_in_doubt_without_a_probe_the_pivot_is_repeated_under_the_same_key_if_idempotent(world: World) -> None:
    world.script("pay", Unknown("lost"))
    found = world.run_through(world.start(order(world)))
    assert (found.state, len({key for name, key in world.calls if name == "pay"})) == ("completed", 1)
    assert world.called.count("pay") == 2


def test_in_doubt_without_a_probe_and_not_idempotent_it_is_an_incident(world: World) -> None:
    world.script("pay", Unknown("lost"))
    found = world.run_through(world.start(order(world, idempotent=False)))
    assert seen(found) == ("stuck", "forward", [("pay", "outcome_unknown")])
    assert world.called.count("pay") == 1


@pytest.mark.parametrize("last", [Unknown("lost"), RetryLater("busy"), Denied("401"), Abort("no")])
@pytest.mark.parametrize("on_exhausted", ["compensate", "suspend"])
def test_exhausted_or_refused_in_doubt_it_is_an_incident_and_never_a_turn_back(
    world: World, last: Exception, on_exhausted: str
) -> None:
    world.script("pay", Unknown("lost"), last)
    found = world.run_through(world.start(order(world, retry=TWICE, on_exhausted=on_exhausted)))
    state, going, incidents = seen(found)
    assert (state, going, [path for path, _ in incidents]) == ("stuck", "forward", ["pay"])
    assert "release" not in world.called
    assert refused("cancel", found) == "at_the_pivot"


def test_refused_in_doubt_the_pivot_is_probed_first(world: World) -> None:
    world.script("pay", Unknown("lost"), Abort("already paid"))
    world.script("ask", Abort("not landed"), {"id": 7})
    found = world.run_through(world.start(order(world, probe=world.ask)))
    assert (found.state, run_of(found, "pay").result) == ("completed", {"id": 7})
    assert world.called == ["lock", "pay", "ask", "pay", "ask", "ship"]


def test_a_late_success_of_the_pivot_after_the_saga_turned_back_is_an_incident(world: World) -> None:
    world.script("ask", Abort("not landed"))
    world.script("release", RetryLater("busy"))
    asks = {"probe": world.ask, "probe_is_final": True, "probe_after": timedelta(seconds=1)}
    found, zombie = at_the_pivot(world, **asks)
    world.lose(zombie)
    world.script("pay", Abort("no money"))
    world.work(found)
    assert (run_of(found, "pay").happened, seen(found)[0]) == ("no", "compensating")
    world.answer(zombie, Succeeded(result={"id": 1}))
    assert seen(found) == ("compensating", "back", [("pay", "late_success")])
    assert (run_of(found, "pay").happened, found.committed_at) == ("yes", None)


def test_a_pivot_that_a_final_probe_did_not_find_can_be_refused_and_turns_back(world: World) -> None:
    world.script("pay", Unknown("lost"), Abort("no money"))
    world.script("ask", Abort("not landed"))
    found = world.run_through(world.start(order(world, probe=world.ask, probe_is_final=True)))
    assert (found.state, world.called[-1]) == ("compensated", "release")


def test_a_pivot_in_doubt_is_never_skipped(world: World) -> None:
    world.script("pay", Unknown("lost"))
    found = world.run_through(world.start(order(world, idempotent=False)))
    with pytest.raises(NotAllowed) as error:
        operations.skip(found.pk, step="pay", actor="ann", reason="go on", result=1)
    assert error.value.code == "pivot_in_doubt"


def test_the_attempts_of_a_pivot_that_dies_again_and_again_end_with_a_person(world: World) -> None:
    found, held = at_the_pivot(world)
    world.lose(held)
    for _ in range(2):
        world.lose(world.attempt(found, "pay"))
    assert seen(found) == ("stuck", "forward", [("pay", "crashed")])


# Once it has succeeded


def test_committed_at_is_set_in_the_transaction_that_records_its_success(world: World) -> None:
    found, held = at_the_pivot(world)
    world.answer(held, Succeeded())
    found.refresh_from_db()
    journal = Journal.objects.get(saga=found, rev=found.rev)
    assert {"did": "committed", "step": "pay"} in journal.moves
    assert "succeeded" in [move["did"] for move in journal.moves if move.get("step") == "pay"]
    assert found.committed_at == journal.at


@pytest.mark.parametrize("lands", ["probe", "person"])
def test_a_success_found_out_later_commits_as_well(world: World, lands: str) -> None:
    world.script("pay", Unknown("lost"))
    options = {"probe": world.ask} if lands == "probe" else {"idempotent": False}
    found = world.run_through(world.start(order(world, **options)))
    if lands == "person":
        operations.resolve(found.pk, step="pay", landed=True, actor="ann", reason="in their books")
    found = world.run_through(found)
    assert (found.committed_at is not None, found.state) == (True, "completed")


def test_from_then_on_a_refusal_is_an_incident(world: World) -> None:
    world.script("ship", Abort("no such street"))
    found = world.run_through(world.start(order(world)))
    assert seen(found) == ("stuck", "forward", [("ship", "refused")])
    operations.retry(found.pk, actor="ann", reason="there is")
    assert world.run_through(found).state == "completed"
    assert world.called == ["lock", "pay", "ship", "ship"]


@pytest.mark.parametrize("again", [RetryLater("busy"), Unknown("lost"), Denied("401")])
def test_reaching_the_attempts_opens_one_incident_and_the_retries_go_on_at_the_longest_delay(
    world: World, again: Exception
) -> None:
    table = saga("order", step(world.pay, pivot=True), step(world.ship, no_compensation="past it", retry=TWICE))
    found = past_the_pivot(world, table)
    world.script("ship", *[again] * 6)
    for _ in range(5):
        world.work(found)
        world.later(run_of(found, "ship").at - clock.now() + timedelta(milliseconds=1))
    assert (seen(found)[1], [path for path, _ in open_incidents(found)]) == ("forward", ["ship"])
    assert Incident.objects.filter(saga=found).count() == 1
    world.work(found)
    left = run_of(found, "ship").at - clock.now()
    assert timedelta(seconds=55) < left <= timedelta(seconds=60)
    assert world.run_through(found).state == "completed"
    assert (Incident.objects.get(saga=found).closed_as, world.called.count("ship")) == ("settled", 7)


def test_a_step_past_the_pivot_in_doubt_and_not_idempotent_is_an_incident(world: World) -> None:
    table = saga("order", step(world.pay, pivot=True), step(world.ship, no_compensation="past it", idempotent=False))
    found = past_the_pivot(world, table)
    world.script("ship", Unknown("lost"))
    found = world.run_through(found)
    assert seen(found) == ("stuck", "forward", [("ship", "outcome_unknown")])


def test_an_optional_step_past_the_pivot_is_skipped(world: World) -> None:
    table = saga(
        "order", step(world.pay, pivot=True), step(world.ship, no_compensation="past it", optional=True, retry=TWICE)
    )
    found = past_the_pivot(world, table)
    world.script("ship", *[RetryLater("busy")] * 2)
    assert world.run_through(found).state == "completed"


def test_a_wait_past_the_pivot_goes_on_when_nothing_came(world: World) -> None:
    def no(ctx: Any, payload: Any) -> None:
        raise Abort("not this")

    held = wait("signed", accept=no, on_timeout="continue", on_failure="incident", timeout=HOUR)
    found = past_the_pivot(world, saga("order", step(world.pay, pivot=True), held))
    operations.signal(found.pk, "signed", {}, actor="bank")
    world.work(found)
    assert seen(found) == ("stuck", "forward", [("signed", "refused")])
    operations.skip(found.pk, step="signed", actor="ann", reason="signed on paper")
    assert world.run_through(found).state == "completed"

    found = past_the_pivot(world, saga("order", step(world.pay, pivot=True), held))
    world.sweep_later(2 * HOUR)
    assert world.run_through(found).state == "completed"


def test_a_failing_child_past_the_pivot_is_an_incident(world: World) -> None:
    inner = saga("parcel", step(world.pack, compensation=world.unpack))
    outer = saga("order", step(world.pay, pivot=True), child(inner, on_failure="incident"))
    world.knows(inner, outer)
    world.script("pack", Abort("no box"))
    found = world.start(outer)
    world.work()
    assert seen(found) == ("stuck", "forward", [("parcel", "refused")])


def test_a_deadline_past_the_pivot_is_an_incident_and_the_saga_goes_on(world: World) -> None:
    world.script("ship", RetryLater("busy", after=timedelta(minutes=14)))
    found = world.start(order(world, deadline=timedelta(minutes=5)))
    world.work(found)
    world.sweep_later(timedelta(minutes=6))
    assert (seen(found)[1], open_incidents(found)) == ("forward", [("", "deadline")])
    world.sweep_later(timedelta(minutes=6))
    assert Incident.objects.get(saga=found).times == 1
    assert world.run_through(found).state == "completed"


@pytest.mark.parametrize("verb", ["cancel", "compensate"])
def test_past_the_pivot_no_verb_turns_it_back(world: World, verb: str) -> None:
    world.script("ship", RetryLater("busy"))
    found = world.start(order(world))
    for name in ("lock", "pay", "ship"):
        world.deliver_one(run_of(found, name))
    assert refused(verb, found) == "committed"
    assert verb not in operations.allowed(Saga.objects.get(pk=found.pk))


# A local pivot


def test_a_local_pivot_is_never_in_doubt_and_its_lost_worker_leaves_the_saga_free_to_go_back(world: World) -> None:
    found, held = at_the_pivot(world, local=True)
    world.lose(held)
    assert run_of(found, "pay").happened == "no"
    assert refused("cancel", found) == ""
    assert world.answer(held, Succeeded()).late
    assert world.run_through(found).state == "cancelled"


def test_a_deadline_while_a_local_pivot_is_at_work_waits_for_what_becomes_of_it(world: World) -> None:
    found = world.start(order(world, deadline=timedelta(seconds=5), local=True))
    world.deliver_one(run_of(found, "lock"))
    held = world.attempt(found, "pay")
    world.later(timedelta(seconds=10))
    sweep()
    assert seen(found)[1] == "forward"
    delivery._record_local(held, world.worker, go_on=False)
    found.refresh_from_db()
    assert (found.committed_at is not None, open_incidents(found)) == (True, [("", "deadline")])


def test_a_pivot_not_taken_leaves_the_saga_free_to_go_back(world: World) -> None:
    world.script("ship", Abort("no"))
    table = saga(
        "order",
        step(world.lock, compensation=world.release),
        step(world.pay, pivot=True, when=lambda ctx: False),
        step(world.ship, compensation=world.recall),
    )
    found = world.run_through(world.start(table))
    assert (found.state, found.committed_at, world.called) == ("compensated", None, ["lock", "ship", "release"])
    assert Run.objects.get(saga=found, path="pay").state == "skipped"
