"""Holding a participant: its steps wait, their clocks stand still, nobody is turned back, and then they go on."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from sagas import Abort, RetryLater, child, operations, parallel, saga, step, wait
from sagas.engine import delivery, door, letting_go
from sagas.engine.explain import explain
from sagas.engine.sweep import sweep
from sagas.errors import InvalidInput, NotAllowed, NotFound
from sagas.health import alive
from sagas.models import Audit, Hold, Journal, Run, Saga, Work
from sagas.operations import holding
from sagas.operations.foreseeing import foresee
from sagas.operations.participants import participant
from sagas.record import clock, holds
from sagas.words.retry import Retry
from tests.sagas.world import run_of

pytestmark = pytest.mark.django_db

WHO = {"actor": "ann", "reason": "it answers 500"}
MINUTE = timedelta(minutes=1)


@pytest.fixture(autouse=True)
def know_of_nothing():
    yield
    holds.forget()


@pytest.fixture
def table(world):
    """Three steps; the second one calls payments."""
    found = saga(
        "order",
        step(world.lock, compensation=world.unlock),
        step(world.charge, compensation=world.refund, participant="payments", retry=Retry(attempts=3)),
        step(world.ship, compensation=world.recall),
        deadline=timedelta(hours=1),
    )
    world.knows(found)
    return found


def hold(name="payments", **more):
    found = holding.hold(name, **WHO, **more)
    holds.look()  # what a worker's own thread does every second
    return found


def release(name="payments", **more):
    found = holding.release(name, **WHO, **more)
    holds.look()
    return found


def work(world):
    """Deliver what is due, until nothing is; steps that are parked on the way count as well."""
    for _ in range(100):
        due = Run.objects.due(clock.now()).order_by("at", "id").first()
        if due is None:
            return
        delivery.deliver(due.pk, due.fence, world.worker)
    raise AssertionError("It does not come to rest.")


def swept(world, by=timedelta(seconds=3)):
    world.sweep_later(by)
    work(world)


def test_a_step_of_a_held_participant_waits_and_the_saga_says_why(world, table):
    hold()
    found = world.start(table)
    work(world)
    charge = run_of(found, "charge")
    assert world.called == ["lock"]
    assert (charge.work, charge.at.year, charge.tries) == (Work.DUE, 9999, 0)
    found.refresh_from_db()
    said = explain(found)
    assert "charge waits since" in said
    assert "payments is held by ann: it answers 500" in said
    assert [move.get("did") for row in Journal.objects.filter(saga=found) for move in row.moves].count("parked") == 1


def test_released_it_goes_on_under_the_same_key(world, table):
    hold()
    found = world.start(table)
    work(world)
    release()
    swept(world)
    found.refresh_from_db()
    assert found.state == "completed"
    assert world.keys("charge") == ["charge:0:1"]
    assert run_of(found, "charge").hold_id is None
    swept(world)
    assert Hold.objects.get().ended_at is not None
    assert Hold.objects.get().let_go == 1


def test_no_clock_of_it_runs_meanwhile(world, table):
    """Not the deadline (an hour), not the step's total (15 minutes), not its attempts."""
    world.script("charge", RetryLater("in a moment", after=MINUTE))
    found = world.start(table)
    world.work()
    before = found.deadline_at
    hold()
    world.later(MINUTE)
    work(world)
    charge = run_of(found, "charge")
    assert (charge.tries, charge.parked_at is not None) == (1, True)
    swept(world, timedelta(hours=5))
    swept(world)
    found.refresh_from_db()
    assert (found.state, found.going, found.overdue_at) == ("running", "forward", None)
    release()
    swept(world)
    found.refresh_from_db()
    assert found.state == "completed"
    assert found.parked_at is None
    assert timedelta(hours=5) < found.deadline_at - before < timedelta(hours=5, minutes=1)
    assert charge.since < run_of(found, "charge").since - timedelta(hours=4)


def test_the_deadline_runs_on_afterwards(world):
    charge = step(world.charge, participant="payments", no_compensation="none", total=timedelta(days=1))
    table = saga("order", charge, deadline=timedelta(hours=1))
    world.knows(table)
    hold()
    found = world.start(table)
    work(world)
    swept(world, timedelta(hours=5))
    release()
    world.script("charge", *[RetryLater("no", after=timedelta(minutes=59, seconds=50))] * 3)
    swept(world)
    swept(world, timedelta(minutes=58))
    found.refresh_from_db()
    assert found.going == "forward"
    swept(world, timedelta(minutes=3))
    found.refresh_from_db()
    assert found.going == "back"


def test_a_compensation_waits_as_well_and_so_does_a_probe(world):
    table = saga(
        "order",
        step(world.charge, compensation=world.refund, participant="payments"),
        step(world.book, probe=world.find, participant="bank", no_compensation="none", probe_after=MINUTE),
        step(world.ship, no_compensation="none"),
    )
    world.script("book", ValueError("lost"))
    world.script("ship", Abort("no such street"))
    found = world.start(table)
    world.work()
    hold("bank")
    world.later(2 * MINUTE)
    work(world)
    assert (run_of(found, "book").doing, world.called) == ("probe", ["charge", "book"])
    hold()
    release("bank")
    swept(world)
    found.refresh_from_db()
    assert world.called == ["charge", "book", "find", "ship"]
    assert found.state == "compensating"
    assert "charge waits since" in explain(found)
    release()
    swept(world)
    found.refresh_from_db()
    assert found.state == "compensated"


def test_siblings_go_on(world):
    table = saga(
        "order",
        parallel(
            step(world.charge, participant="payments", no_compensation="none"),
            step(world.lock, no_compensation="none"),
        ),
        step(world.ship, no_compensation="none"),
    )
    world.knows(table)
    hold()
    found = world.start(table)
    work(world)
    assert world.called == ["lock"]
    release()
    swept(world)
    found.refresh_from_db()
    assert found.state == "completed"


def test_an_attempt_under_way_is_recorded(world, table):
    found = world.start(table)
    world.deliver_one(run_of(found, "lock"))
    claimed = world.attempt(found, "charge")
    hold()
    world.record(claimed, {"charged": True})
    assert run_of(found, "charge").state == "succeeded"


def test_an_attempt_that_comes_to_nothing_meanwhile_waits_instead_of_being_tried_again(world, table):
    world.script("charge", RetryLater("no", after=MINUTE))
    found = world.start(table)
    world.work()
    hold()
    for _ in range(5):
        world.later(MINUTE)
        work(world)
    assert run_of(found, "charge").tries == 1


def test_a_worker_that_has_not_heard_of_the_release_parks_nothing(world, table):
    hold()
    holding.release("payments", **WHO)  # and this process does not look
    found = world.start(table)
    work(world)
    found.refresh_from_db()
    assert found.state == "completed"


def test_what_was_parked_while_the_hold_ended_is_found_all_the_same(world, table):
    hold()
    found = world.start(table)
    work(world)
    Hold.objects.update(released_at=clock.now(), let_go_at=clock.now(), ended_at=clock.now())
    holds.look()
    swept(world)
    found.refresh_from_db()
    assert found.state == "completed"


def test_a_hold_ends_by_itself_when_its_time_is_over(world, table):
    hold(until=clock.now() + timedelta(minutes=10))
    found = world.start(table)
    work(world)
    swept(world, timedelta(minutes=9))
    assert run_of(found, "charge").parked_at is not None
    swept(world, timedelta(minutes=2))
    found.refresh_from_db()
    assert (found.state, Hold.objects.get().released_by) == ("completed", "its end")


def test_a_canary_goes_first_and_says_how_it_fared(world, table):
    hold()
    sagas = [world.start(table) for _ in range(3)]
    work(world)
    holding.canary("payments", **WHO)
    work(world)
    for each in sagas:
        each.refresh_from_db()
    assert [each.state for each in sagas] == ["completed", "running", "running"]
    [fared] = participant("payments", "default").canaries
    assert (fared.saga, fared.outcome, fared.went_well) == (sagas[0].pk, "charge succeeded.", True)
    assert participant("payments", "default").waiting == 2

    world.script("charge", Abort("no money"))
    holding.canary("payments", **WHO, saga=sagas[2].pk)
    work(world)
    fared = participant("payments", "default").canaries[1]
    assert (fared.outcome, fared.went_well) == ("charge is failed: no money.", False)


def test_a_canary_may_call_it_again_after_a_failure(world, table):
    hold()
    found = world.start(table)
    work(world)
    holding.canary("payments", **WHO)
    world.script("charge", RetryLater("not yet", after=MINUTE))
    work(world)
    [fared] = participant("payments", "default").canaries
    assert "is tried again at" in fared.outcome
    assert fared.outcome.endswith(": not yet.")
    holds.look()
    world.later(MINUTE)
    work(world)
    found.refresh_from_db()
    assert found.state == "completed"


def test_a_release_at_a_rate_lets_so_many_go(world, table):
    hold()
    sagas = [world.start(table) for _ in range(8)]
    work(world)
    began = clock.now()
    release(rate=1)
    swept(world, timedelta(seconds=3))
    waiting = participant("payments", "default").waiting
    assert waiting <= 5
    assert 8 - waiting <= (clock.now() - began).total_seconds(), (
        "however slow the machine is, no more than one a second"
    )
    swept(world, timedelta(hours=1))  # what was not used for long is not made up for, but ten seconds' worth is
    assert participant("payments", "default").waiting == 0
    assert {Saga.objects.get(pk=each.pk).state for each in sagas} == {"completed"}


def test_a_sweep_that_looked_at_the_clock_before_another_one_let_steps_go_takes_no_time_back(world, table):
    hold()
    for _ in range(5):
        world.start(table)
    work(world)
    release(rate=1)
    ahead = clock.now() + timedelta(seconds=20)
    Hold.objects.update(let_go_at=ahead)
    swept(world)
    assert Run.objects.filter(parked_at__isnull=False).count() == 5
    assert Hold.objects.get().let_go_at == ahead


def test_what_comes_up_after_a_release_does_not_stand_in_line(world, table):
    hold()
    for _ in range(3):
        world.start(table)
    work(world)
    release(rate=1)
    late = world.start(table)
    work(world)
    late.refresh_from_db()
    assert late.state == "completed"


def test_held_again_what_is_left_waits_on(world, table):
    hold()
    for _ in range(4):
        world.start(table)
    work(world)
    release(rate=1)
    swept(world, timedelta(seconds=2))
    hold()
    swept(world, timedelta(minutes=5))
    left = participant("payments", "default")
    assert (left.stands, left.waiting) == ("held", 2)


def test_a_saga_turned_back_meanwhile_owes_nothing_to_the_hold(world, table):
    hold()
    found = world.start(table)
    work(world)
    operations.cancel(found.pk, actor="ann", reason="the customer called")
    work(world)
    found.refresh_from_db()
    assert (found.state, found.parked_at) == ("cancelled", None)
    assert not Run.objects.filter(hold__isnull=False).exists()


def test_given_up_and_retried_it_waits_again(world):
    table = saga(
        "order",
        parallel(
            step(world.charge, participant="payments", no_compensation="none"),
            step(world.lock, no_compensation="none", on_failure="incident"),
        ),
    )
    world.knows(table)
    world.script("lock", Abort("no"))
    hold()
    found = world.start(table)
    work(world)
    operations.give_up(found.pk, actor="ann", reason="enough")
    operations.retry(found.pk, actor="ann", reason="not enough")
    work(world)
    assert run_of(found, "charge").parked_at is not None
    release()
    swept(world)
    found.refresh_from_db()
    assert found.state == "completed"


def test_a_pause_and_a_hold_stand_still_once(world, table):
    hold()
    found = world.start(table)
    work(world)
    before = Saga.objects.get(pk=found.pk).deadline_at
    world.later(timedelta(hours=1))
    operations.pause(found.pk, actor="ann", reason="a look")
    world.later(timedelta(hours=1))
    release()
    swept(world)
    assert run_of(found, "charge").parked_at is not None
    world.later(timedelta(hours=1))
    operations.resume(found.pk, actor="ann", reason="looked")
    swept(world)
    found.refresh_from_db()
    assert found.state == "completed"
    assert timedelta(hours=3) <= found.deadline_at - before < timedelta(hours=3, minutes=1)


def test_a_parents_deadline_stands_still_with_its_childs_step(world):
    inner = saga("inner", step(world.charge, participant="payments", no_compensation="none"))
    outer = saga("outer", child(inner), step(world.ship, no_compensation="none"), deadline=timedelta(hours=1))
    world.knows(inner, outer)
    hold()
    found = world.start(outer)
    work(world)
    swept(world, timedelta(hours=5))
    swept(world)
    found.refresh_from_db()
    assert (found.going, found.parked_at is not None) == ("forward", True)
    release()
    swept(world)
    found.refresh_from_db()
    assert (found.state, found.parked_at) == ("completed", None)


def test_what_waits_is_not_polled_not_rung_for_and_not_taken_for_dead(world, table):
    hold()
    sagas = [world.start(table) for _ in range(5)]
    work(world)
    revs = list(Saga.objects.order_by("id").values_list("rev", flat=True))
    world.sweep_later(timedelta(hours=2))
    assert door.waiting(["sagas"], timedelta(0), 10) == []
    assert not Run.objects.filter(rung_at__isnull=False, hold__isnull=False).exists()
    assert alive() is None
    for _ in range(3):
        world.sweep_later(timedelta(hours=2))
    assert list(Saga.objects.order_by("id").values_list("rev", flat=True)) == revs
    assert {explain(Saga.objects.get(pk=each.pk)).partition(":")[0][:19] for each in sagas} == {"charge waits since "}


def test_while_nothing_is_held_a_step_asks_no_more(world, table):
    found = world.start(table)
    with CaptureQueriesContext(connection) as seen:
        delivery.deliver(run_of(found, "lock").pk, 1, world.worker)
    found.refresh_from_db()
    assert found.state == "completed"
    assert [query for query in seen.captured_queries if "sagas_hold" in query["sql"]] == []


def test_another_tenants_sagas_go_on_calling(world, table):
    hold()
    found = world.start(table, tenant="other")
    work(world)
    found.refresh_from_db()
    assert found.state == "completed"
    assert participant("payments", "other").stands == "called"


def test_what_another_tenants_sagas_do_is_no_part_of_a_look_ahead(world, table):
    def running(tenant):
        Run.objects.filter(saga=world.start(table, tenant=tenant)).update(
            path="charge", work=Work.RUNNING, worker=world.worker
        )

    running("other")
    says = foresee("hold", "payments", tenant="default", **WHO)
    assert not [sentence for sentence in says if "under way" in sentence]
    running("default")
    says = foresee("hold", "payments", tenant="default", **WHO)
    assert "1 attempt under way may call it still, and will be recorded." in says


def test_what_makes_no_sense_is_refused(world, table):
    with pytest.raises(NotFound, match="There is no participant 'nobody'; there are: payments"):
        holding.hold("nobody", **WHO)
    with pytest.raises(InvalidInput, match="needs a reason"):
        holding.hold("payments", actor="ann", reason=" ")
    with pytest.raises(InvalidInput, match="must lie ahead"):
        holding.hold("payments", **WHO, until=clock.now() - MINUTE)
    with pytest.raises(NotAllowed, match="payments is not held"):
        holding.release("payments", **WHO)
    hold()
    with pytest.raises(NotAllowed, match="is held already, by ann") as refused:
        hold()
    assert (refused.value.code, refused.value.allowed) == ("held", ["canary", "release"])
    with pytest.raises(NotAllowed, match="No step waits for payments"):
        holding.canary("payments", **WHO)
    with pytest.raises(InvalidInput, match="between 1 and 1000"):
        holding.release("payments", **WHO, rate=0)


def test_what_was_decided_is_in_the_audit(world, table):
    hold()
    found = world.start(table)
    work(world)
    holding.canary("payments", **WHO)
    release(rate=5)
    entries = [(entry.verb, entry.path, entry.saga_id) for entry in Audit.objects.order_by("id")]
    assert entries == [
        ("hold", "payments", None),
        ("canary", "payments", found.pk),
        ("release", "payments", None),
    ]
    assert Audit.objects.order_by("id").last().details == {"rate": 5}


def test_a_look_ahead_changes_nothing_and_refuses_what_the_verb_refuses(world, table):
    hold_says = foresee("hold", "payments", tenant="default", **WHO)
    assert hold_says[0] == "These steps wait, forward and back: charge of order."
    assert not Hold.objects.exists()
    assert not Audit.objects.exists()
    hold()
    world.start(table)
    work(world)
    assert foresee("release", "payments", tenant="default", **WHO, rate=10)[0].startswith("1 step is let go")
    assert "charge of order" in foresee("canary", "payments", tenant="default", **WHO)[0]
    assert run_of(Saga.objects.get(), "charge").parked_at is not None
    with pytest.raises(NotAllowed, match="held already"):
        foresee("hold", "payments", tenant="default", **WHO)


def test_two_sweeps_let_each_step_go_once(world, table):
    hold()
    found = world.start(table)
    work(world)
    release()
    world.later(timedelta(seconds=3))
    run = run_of(found, "charge")
    first, second = letting_go._let_go(run), letting_go._let_go(run)
    assert (len(first), len(second)) == (1, 0)


def test_a_wait_of_the_same_saga_keeps_its_own_clock(world):
    table = saga(
        "order",
        parallel(
            step(world.charge, participant="payments", no_compensation="none"),
            wait("paid", timeout=timedelta(minutes=10), on_timeout="continue"),
        ),
    )
    world.knows(table)
    hold()
    found = world.start(table)
    work(world)
    swept(world, timedelta(minutes=11))
    assert run_of(found, "paid").state == "timed_out"
    sweep()


@pytest.fixture
def basket(world, table):
    """Two orders of one basket, a saga each, and a call of its own to payments at the end."""
    found = saga(
        "basket",
        parallel(child(table, name="first"), child(table, name="second"), name="orders"),
        step(world.bill, compensation=world.unbill, participant="payments"),
    )
    world.knows(table, found)
    return found


def test_a_canary_takes_its_children_along(world, table, basket):
    hold()
    other = world.start(table)
    chosen = world.start(basket)
    work(world)
    assert Run.objects.exclude(hold=None).count() == 3
    holding.canary("payments", **WHO, saga=chosen.pk)
    for _ in range(3):
        swept(world)
    chosen.refresh_from_db()
    other.refresh_from_db()
    assert (chosen.state, other.state) == ("completed", "running")
    assert Run.objects.get(hold__isnull=False).saga_id == other.pk
    [fared] = participant("payments", "default").canaries
    assert (fared.saga, fared.outcome) == (chosen.pk, "charge succeeded.")


def test_a_child_that_is_a_canary_takes_nobody_along(world, basket):
    hold()
    found = world.start(basket)
    work(world)
    first = Saga.objects.filter(parent__saga=found).order_by("pk").first()
    holding.canary("payments", **WHO, saga=first.pk)
    for _ in range(3):
        swept(world)
    assert Run.objects.exclude(hold=None).count() == 1
    assert world.called.count("charge") == 1
