"""Going back: order, intent, drain and stuck compensations; the contract, sentence by sentence."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from sagas import Abort, Retry, RetryLater, each, operations, parallel, saga, step, wait
from sagas.engine import delivery
from sagas.engine.sweep import sweep
from sagas.errors import NotAllowed, TurnedBack, Unknown
from sagas.models import Incident, Journal, Run, Saga, Work
from sagas.record import clock
from sagas.words.outcome import Happened, Lost, NotNow, Outcome, Refused, Succeeded
from tests.sagas.orders import at_charge, order, sides
from tests.sagas.world import World, due_back, open_incidents, run_of

pytestmark = pytest.mark.django_db

TWICE = Retry(attempts=2, first=timedelta(seconds=1))


# Order


def test_the_way_back_is_the_reverse_order_of_start_whatever_the_table_says(world: World) -> None:
    world.script("last", Abort("no"))
    found = world.start(sides(world, "a", "b", "c"))
    world.deliver_one(run_of(found, "first"))
    for name in ("b", "c", "a"):
        world.deliver_one(run_of(found, name))
    world.run_through(found)
    assert world.called == ["first", "b", "c", "a", "last", "una", "unc", "unb", "unfirst"]


def test_the_order_is_that_of_the_first_claim_and_a_retry_never_changes_it(world: World) -> None:
    world.script("a", RetryLater("busy"))
    world.script("last", Abort("no"))
    found = world.start(sides(world, "a", "b"))
    world.deliver_one(run_of(found, "first"))
    world.deliver_one(run_of(found, "a"))
    before = run_of(found, "a").seq
    world.run_through(found)
    assert run_of(found, "a").seq == before
    assert world.called[-3:] == ["unb", "una", "unfirst"]


def test_steps_are_undone_one_at_a_time(world: World) -> None:
    world.script("last", Abort("no"))
    found = world.start(sides(world, "a", "b", "c"))
    for _ in range(20):
        due = Run.objects.filter(saga=found, work=Work.DUE).order_by("id")
        assert due.filter(doing="compensation").count() <= 1
        if not due:
            break
        world.deliver_one(due[0])
    found.refresh_from_db()
    assert found.state == "compensated"


def test_a_group_undone_side_by_side_is_one_place(world: World) -> None:
    """It begins when everything after it is settled, and what is before it waits for all of it."""
    world.script("fail", Abort("no"))
    members = (step(world.function(name), compensation=world.function(f"un{name}")) for name in ("a", "b", "c"))
    table = saga(
        "sides",
        step(world.first, compensation=world.unfirst),
        parallel(*members, compensate="parallel"),
        step(world.then, compensation=world.unthen),
        step(world.fail, reads_only=True),
    )
    found = world.start(table)
    for name in ("first", "b", "a", "c", "then", "fail"):
        world.deliver_one(run_of(found, name))
    assert [run.path for run in due_back(found)] == ["then"]
    world.deliver_one(run_of(found, "then"))
    assert [run.path for run in due_back(found)] == ["a", "b", "c"]
    world.deliver_one(run_of(found, "b"))
    world.deliver_one(run_of(found, "c"))
    assert [run.path for run in due_back(found)] == ["a"]
    assert run_of(found, "first").undo == "owed"
    world.deliver_one(run_of(found, "a"))
    assert [run.path for run in due_back(found)] == ["first"]


def test_items_undone_side_by_side_are_at_most_as_many_as_run_side_by_side(world: World) -> None:
    world.script("fail", Abort("no"))
    lines = each("lines", step(world.lock, compensation=world.unlock), concurrency=3, compensate="parallel")
    found = world.start(saga("order", lines, step(world.fail, reads_only=True)), {"lines": list(range(8))})
    while run_of(found, "lines").state != "succeeded" or not due_back(found):
        world.deliver_one(Run.objects.filter(saga=found, work=Work.DUE).order_by("id")[0])
    for left in (3, 3, 3, 3, 3, 3, 2, 1):
        assert len(due_back(found)) == left
        world.deliver_one(due_back(found)[0])
    found.refresh_from_db()
    assert (found.state, world.called.count("unlock")) == ("compensated", 8)


# Intent


def test_that_a_step_owes_is_written_in_the_transaction_that_first_claims_it(world: World) -> None:
    found, held = at_charge(world)
    journal = Journal.objects.get(saga=found, rev=held.saga.rev)
    assert [(move["step"], move["did"], move["undo"]) for move in journal.moves] == [("charge", "claimed", "owed")]


def test_a_step_never_claimed_owes_nothing(world: World) -> None:
    found = world.start(order(world))
    world.deliver_one(run_of(found, "lock"))
    operations.cancel(found.pk, actor="ann", reason="no")
    world.run_through(found)
    charge = run_of(found, "charge")
    assert (charge.state, charge.undo, charge.seq) == ("cancelled", "none", None)
    assert world.called == ["lock", "release"]


def test_a_step_that_only_reads_is_never_compensated(world: World) -> None:
    world.script("charge", Abort("no"))
    table = saga("order", step(world.look, reads_only=True), step(world.charge, compensation=world.refund))
    assert world.run_through(world.start(table)).state == "compensated"
    assert world.called == ["look", "charge"]


# Drain and fence


def test_no_compensation_of_a_step_starts_while_its_own_attempt_holds_a_live_lease(world: World) -> None:
    found, held = at_charge(world)
    operations.cancel(found.pk, actor="ann", reason="no")
    world.work(found)
    assert (world.called, run_of(found, "charge").work) == (["lock"], "running")
    world.answer(held, Succeeded(result={"id": 1}))
    world.run_through(found)
    assert world.called == ["lock", "refund", "release"]
    assert world.contexts[1].action.result == {"id": 1}


def test_no_compensation_of_a_step_starts_while_a_step_that_started_later_is_still_running(world: World) -> None:
    found = world.start(sides(world, "a", "b", last=False))
    world.deliver_one(run_of(found, "first"))
    world.deliver_one(run_of(found, "a"))
    held = world.attempt(found, "b")
    operations.cancel(found.pk, actor="ann", reason="no")
    world.work(found)
    assert world.called == ["first", "a"]
    world.answer(held, Refused(error="no"))
    world.run_through(found)
    assert world.called == ["first", "a", "una", "unfirst"]


def test_the_lease_is_the_earlier_of_the_attempts_end_and_its_heartbeat(world: World) -> None:
    found, held = at_charge(world, timeout=timedelta(minutes=5), heartbeat=timedelta(seconds=20))
    world.later(timedelta(seconds=15))
    delivery.context_of(held).heartbeat({"done": 3})
    world.sweep_later(timedelta(seconds=15))
    assert (run_of(found, "charge").work, run_of(found, "charge").progress) == ("running", {"done": 3})
    world.sweep_later(timedelta(seconds=6))
    assert run_of(found, "charge").work == "due"


def test_heartbeats_never_carry_an_attempt_beyond_its_end(world: World) -> None:
    found, held = at_charge(world, timeout=timedelta(seconds=30), heartbeat=timedelta(seconds=20))
    for _ in range(2):
        world.later(timedelta(seconds=15))
        delivery.context_of(held).heartbeat()
    world.sweep_later(timedelta(seconds=5))
    assert run_of(found, "charge").work == "due"


def test_once_turned_back_heartbeat_and_service_raise(world: World, settings: Any) -> None:
    settings.SAGAS = {**settings.SAGAS, "SERVICES": {"bank": {"url": "http://127.0.0.1:1"}}}
    found, held = at_charge(world)
    operations.cancel(found.pk, actor="ann", reason="no")
    with pytest.raises(TurnedBack):
        delivery.context_of(held).heartbeat()
    a_while_ago = replace(held, ends=held.ends - 5)
    with pytest.raises(TurnedBack):
        delivery.context_of(a_while_ago).service("bank").post("/charges", json={})


@pytest.mark.parametrize(("timeout", "drained"), [(timedelta(minutes=10), 60), (timedelta(seconds=20), 22)])
def test_draining_lasts_at_most_a_minute_and_at_most_to_the_attempts_end(
    world: World, timeout: timedelta, drained: int
) -> None:
    found, zombie = at_charge(world, timeout=timeout)
    operations.cancel(found.pk, actor="ann", reason="no")
    world.sweep_later(timedelta(seconds=drained - 3))
    assert run_of(found, "charge").work == "running"
    world.sweep_later(timedelta(seconds=5))
    charge = run_of(found, "charge")
    assert (charge.happened, charge.state, charge.undo) == ("maybe", "unknown", "due")
    assert world.answer(zombie, Refused(error="too late")).late


@pytest.mark.parametrize(
    ("came", "options"),
    [
        (NotNow(error="busy"), {}),
        (Lost(error="lost"), {}),
        (Lost(error="lost"), {"probe": lambda ctx: None}),
        (Lost(error="lost"), {"idempotent": False}),
        (Refused(error="no"), {"on_failure": "incident"}),
        (NotNow(error="busy"), {"retry": Retry(attempts=1), "on_exhausted": "suspend"}),
    ],
)
def test_while_draining_nothing_is_repeated_probed_or_made_an_incident(
    world: World, came: Outcome, options: dict[str, Any]
) -> None:
    found, held = at_charge(world, **options)
    operations.cancel(found.pk, actor="ann", reason="no")
    world.answer(held, came)
    assert run_of(found, "charge").doing in ("action", "compensation")
    assert not Incident.objects.filter(saga=found).exists()
    assert world.run_through(found).state == "cancelled"
    assert ("refund" in world.called) is isinstance(came, Lost)


def test_forward_incidents_are_closed_as_superseded_and_forward_verbs_are_refused(world: World) -> None:
    world.script("charge", Unknown("lost"))
    world.script("refund", RetryLater("busy"))
    found = world.run_through(world.start(order(world, idempotent=False)))
    operations.cancel(found.pk, actor="ann", reason="no")
    incident = Incident.objects.get(saga=found)
    assert (incident.reason, incident.closed_as) == ("outcome_unknown", "superseded")
    with pytest.raises(NotAllowed):
        operations.skip(found.pk, step="charge", actor="ann", reason="go on", result=1)
    with pytest.raises(NotAllowed):
        operations.retry(found.pk, actor="ann", reason="go on")
    found.refresh_from_db()
    assert not {"skip", "cancel", "compensate"} & set(operations.allowed(found))
    assert world.run_through(found).state == "cancelled"


def test_a_row_that_is_asked_waits_or_backs_off_ends_at_once_when_the_saga_turns_back(world: World) -> None:
    table = saga(
        "order",
        parallel(
            step(world.charge, compensation=world.refund),
            wait("settled"),
            step(world.gift, compensation=world.ungift, when=lambda ctx: True),
        ),
    )
    world.script("charge", RetryLater("busy", after=timedelta(minutes=5)))
    found = world.start(table)
    world.deliver_one(run_of(found, "charge"))
    asked = world.attempt(found, "gift")
    operations.cancel(found.pk, actor="ann", reason="no")
    found.refresh_from_db()
    assert (found.state, Run.objects.filter(saga=found).active().count()) == ("cancelled", 0)
    world.answer(asked, Succeeded(result={"taken": True}))
    assert world.called == ["charge"]


def test_a_sweep_drains_what_never_answers(world: World) -> None:
    found, _ = at_charge(world, timeout=timedelta(hours=1))
    operations.cancel(found.pk, actor="ann", reason="no")
    world.later(timedelta(seconds=61))
    assert sweep()
    assert run_of(found, "charge").at <= clock.now()
    assert world.run_through(found).state == "cancelled"


# Compensations


def test_a_compensation_is_given_input_result_what_is_known_and_both_keys(world: World) -> None:
    world.script("charge", Unknown("lost"), Abort("no"))
    found = world.run_through(world.start(order(world), {"amount": 5}))
    refund, release = world.contexts[-2:]
    assert [ctx.input for ctx in (refund, release)] == [{"amount": 5}] * 2
    assert (refund.action.result, refund.action.happened) == (None, Happened.MAYBE)
    assert (release.action.result, release.action.happened) == ({"from": "lock"}, Happened.YES)
    assert (refund.action.key, refund.key) == (f"{found.pk}:charge:0:1", f"{found.pk}:charge:0:1:undo")


def test_a_compensation_is_patient(world: World) -> None:
    world.script("charge", Abort("no"))
    world.script("release", *[Unknown("lost")] * 19)
    found = world.run_through(world.start(order(world)), most=90)
    assert (found.state, world.called.count("release")) == ("compensated", 20)


def test_a_compensation_is_not_bound_by_the_sagas_deadline(world: World) -> None:
    world.script("release", RetryLater("busy", after=timedelta(minutes=30)))
    world.script("charge", Abort("no"))
    rows = order(world).rows
    found = world.start(saga("order", *rows, deadline=timedelta(minutes=10)))
    world.work(found)
    world.sweep_later(timedelta(minutes=20))
    found.refresh_from_db()
    assert (found.state, found.cause, open_incidents(found)) == ("compensating", "failed_step", [])
    assert world.run_through(found).state == "compensated"


def test_a_compensation_is_not_cancellable(world: World) -> None:
    world.script("charge", Abort("no"))
    found = world.start(order(world))
    world.deliver_one(run_of(found, "lock"))
    world.deliver_one(run_of(found, "charge"))
    undoing = world.attempt(found, "lock")
    again = operations.cancel(found.pk, actor="ann", reason="stop")
    assert (again.state, again.cause) == ("compensating", "failed_step")
    assert run_of(found, "lock").fence == undoing.run.fence


def test_a_compensation_may_send_heartbeats(world: World) -> None:
    world.script("charge", Abort("no"))
    table = saga(
        "order",
        step(world.lock, compensation=world.release, heartbeat=timedelta(seconds=10)),
        step(world.charge, compensation=world.refund),
    )
    found = world.start(table)
    world.deliver_one(run_of(found, "lock"))
    world.deliver_one(run_of(found, "charge"))
    undoing = world.attempt(found, "lock")
    world.later(timedelta(seconds=8))
    delivery.context_of(undoing).heartbeat({"done": 1})
    world.sweep_later(timedelta(seconds=8))
    assert (run_of(found, "lock").work, run_of(found, "lock").fence) == ("running", undoing.run.fence)
    world.lose(undoing)
    with pytest.raises(TurnedBack):
        delivery.context_of(undoing).heartbeat()


@pytest.mark.parametrize(
    ("script", "reason"),
    [([Abort("cannot be undone")], "compensation_refused"), ([Unknown("lost")] * 2, "compensation_exhausted")],
)
def test_a_compensation_refused_or_exhausted_is_stuck_and_the_earlier_steps_wait(
    world: World, script: list[Exception], reason: str
) -> None:
    world.script("charge", Abort("half of it", done=1))
    world.script("refund", *script)
    found = world.run_through(world.start(order(world, compensation_retry=TWICE)))
    assert (found.state, open_incidents(found)) == ("stuck", [("charge", reason)])
    assert (run_of(found, "charge").undo, "release" in world.called) == ("stuck", False)
    operations.retry(found.pk, actor="ann", reason="now")
    found = world.run_through(found)
    assert (found.state, world.called[-2:], open_incidents(found)) == ("compensated", ["refund", "release"], [])
    assert set(world.keys("refund")) == {"charge:0:1:undo"}


def stuck_and_gone_on(world: World, *more: Exception) -> Saga:
    """The charge cannot be refunded; the steps before it do not wait for that."""
    world.script("fail", Abort("no"))
    world.script("refund", Abort("cannot"), *more)
    table = saga(
        "order",
        step(world.lock, compensation=world.release),
        step(world.gift, compensation=world.ungift),
        step(world.charge, compensation=world.refund),
        step(world.fail, reads_only=True),
        on_compensation_stuck="continue",
    )
    found = world.start(table)
    for name in ("lock", "gift", "charge", "fail", "charge"):
        world.deliver_one(run_of(found, name))
    return found


def test_when_stuck_the_others_may_go_on_and_a_later_retry_runs_beside_them(world: World) -> None:
    found = stuck_and_gone_on(world)
    assert run_of(found, "charge").undo == "stuck"
    beside = world.attempt(found, "gift")
    operations.retry(found.pk, actor="ann", reason="now", step="charge")
    world.deliver_one(run_of(found, "charge"))
    assert (run_of(found, "charge").undo, run_of(found, "gift").undo) == ("done", "running")
    world.answer(beside, Succeeded())
    found = world.run_through(found)
    assert (found.state, world.called[-1], open_incidents(found)) == ("compensated", "release", [])


def test_while_one_is_retried_beside_them_the_others_still_go_on(world: World) -> None:
    found = stuck_and_gone_on(world)
    operations.retry(found.pk, actor="ann", reason="now", step="charge")
    slow = world.attempt(found, "charge")
    world.deliver_one(run_of(found, "gift"))
    assert run_of(found, "lock").undo == "due"
    world.deliver_one(run_of(found, "lock"))
    found.refresh_from_db()
    assert found.state == "compensating"
    world.answer(slow, Succeeded())
    found.refresh_from_db()
    assert found.state == "compensated"


def test_the_others_go_on_but_the_saga_is_compensated_only_when_every_debt_is_settled(world: World) -> None:
    found = world.run_through(stuck_and_gone_on(world))
    assert (found.state, world.called[-2:]) == ("stuck", ["ungift", "release"])
    operations.waive(found.pk, step="charge", actor="ann", reason="refunded by hand")
    found.refresh_from_db()
    assert (found.state, run_of(found, "charge").undo) == ("compensated", "waived")


def test_compensated_only_when_everything_owed_is_done_unneeded_or_waived_with_a_reason(world: World) -> None:
    world.script("charge", Abort("half of it", done=1))
    world.script("refund", Abort("cannot"))
    found = world.run_through(world.start(order(world)))
    assert found.state == "stuck"
    with pytest.raises(Exception, match=r"\w"):
        operations.waive(found.pk, step="charge", actor="ann", reason="")
    operations.waive(found.pk, step="charge", actor="ann", reason="refunded by hand")
    found = world.run_through(found)
    assert (found.state, found.cause) == ("compensated", "failed_step")
    assert sorted(Run.objects.filter(saga=found).values_list("undo", flat=True)) == ["done", "waived"]


def test_the_first_cause_decides_how_it_ends(world: World) -> None:
    world.script("refund", RetryLater("busy"))
    found, held = at_charge(world)
    operations.compensate(found.pk, actor="ann", reason="undo it")
    operations.cancel(found.pk, actor="bob", reason="stop it")
    world.answer(held, Succeeded())
    assert world.run_through(found).state == "compensated"
