"""Bulk operations tell the truth: a saga has recovered when it has left its trouble, and not before."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from sagas import operations, saga, step
from sagas.errors import Abort, InvalidInput, NotAllowed
from sagas.models import BulkItem, BulkOperation, Saga
from sagas.operations.bulk import begin_bulk, foresee_bulk, steer_bulk, tally
from sagas.operations.working import LEASE, PATIENCE, run_bulk
from sagas.record import clock

pytestmark = pytest.mark.django_db

WHO = {"actor": "anna", "reason": "payments is back", "tenant": "default"}


@pytest.fixture
def pay(world):
    """A saga that needs a person where its only step is refused past its point of no return."""
    table = saga("pay", step(world.charge, pivot=True), step(world.ship, on_failure="incident"))
    world.knows(table)
    return table


def stuck(world, pay, many: int = 1) -> list[Saga]:
    """Sagas whose step `ship` was refused."""
    world.script("ship", *[Abort("not today")] * many)
    sagas = [world.start(pay) for _ in range(many)]
    world.work()
    return sagas


def begin(verb: str = "retry", rate: int = 60_000, **options) -> BulkOperation:
    return begin_bulk(verb, Saga.objects.all(), rate=rate, selection={"filter": {}}, **{**WHO, **options})


def run(world) -> None:
    """Let it run until nobody is left to be asked."""
    for _ in range(20):
        world.later(timedelta(seconds=3))
        run_bulk()


def test_a_saga_that_left_its_trouble_has_recovered(world, pay):
    stuck(world, pay, 2)
    operation = begin()
    run(world)
    assert tally(operation)["asked"] == 2
    world.work()
    run(world)
    operation.refresh_from_db()
    assert (operation.state, tally(operation)["recovered"]) == ("done", 2)
    assert set(Saga.objects.values_list("state", flat=True)) == {"completed"}


def test_a_saga_whose_trouble_is_back_has_failed_again(world, pay):
    stuck(world, pay)
    operation = begin()
    run(world)
    world.script("ship", Abort("still not"))
    world.work()
    run(world)
    assert tally(operation)["failed_again"] == 1
    assert BulkOperation.objects.get().state == "done"


def test_a_saga_that_the_verb_does_not_fit_is_told_with_the_reason(world, pay):
    world.start(pay)
    world.work()
    begin()
    run(world)
    item = BulkItem.objects.get()
    assert (item.state, item.said) == ("not_eligible", "The saga has ended: it is completed.")


def test_a_cancelled_saga_counts_when_it_has_ended_so(world):
    world.knows(saga("two", step(world.charge, compensation=world.refund), step(world.ship, compensation=world.recall)))
    for _ in range(2):
        operations.start("two", actor="a test")
    operation = begin("cancel")
    run(world)
    world.work()
    run(world)
    assert tally(operation)["recovered"] == 2
    assert set(Saga.objects.values_list("state", flat=True)) == {"cancelled"}


def test_what_a_pause_does_is_done_at_once(world, pay):
    world.start(pay)
    operation = begin("pause")
    run(world)
    assert tally(operation)["recovered"] == 1
    assert Saga.objects.get().paused_at is not None


def test_sagas_are_asked_at_the_rate_and_not_faster(world, pay):
    stuck(world, pay, 10)
    operation = begin(rate=60)
    run_bulk()
    assert tally(operation)["asked"] == 1
    world.later(timedelta(seconds=2))
    run_bulk()
    assert tally(operation)["asked"] in (2, 3)  # the database's clock goes on beside ours
    world.later(timedelta(minutes=10))
    run_bulk()
    assert tally(operation)["waiting"] >= 4, "what was not used is not made up for"


def test_a_paused_operation_asks_nobody_and_goes_on_when_it_may(world, pay):
    stuck(world, pay)
    operation = begin()
    steer_bulk(operation.pk, "pause", tenant="default")
    run(world)
    assert tally(operation)["waiting"] == 1
    steer_bulk(operation.pk, "resume", tenant="default")
    run(world)
    assert tally(operation)["asked"] == 1


def test_a_cancelled_operation_says_who_was_not_asked(world, pay):
    stuck(world, pay, 3)
    operation = begin(rate=1)
    run_bulk()
    steer_bulk(operation.pk, "cancel", tenant="default")
    run(world)
    counted = tally(operation)
    assert (counted["cancelled"], counted["asked"]) == (2, 1)


@pytest.mark.parametrize("how", ["pause", "resume", "cancel"])
def test_what_has_ended_is_not_steered(world, pay, how):
    operation = begin()
    with pytest.raises(NotAllowed, match="The operation is done"):
        steer_bulk(operation.pk, how, tenant="default")


def test_two_processes_do_not_ask_the_same_saga_twice(world, pay):
    stuck(world, pay)
    operation = begin()
    BulkOperation.objects.update(at=clock.now() + LEASE)  # somebody is at it
    assert run_bulk() == 0
    world.later(LEASE + timedelta(seconds=1))  # and died
    assert run_bulk() == 1
    assert tally(operation)["asked"] == 1


def test_a_saga_that_never_comes_out_counts_as_not_recovered_after_a_day(world, pay):
    stuck(world, pay)
    operation = begin()
    run(world)
    world.later(PATIENCE)
    run(world)
    assert tally(operation)["failed_again"] == 1


def test_what_would_be_done_is_said_beforehand_and_not_done(world, pay):
    stuck(world, pay, 2)
    world.start(pay)
    world.work()
    found = foresee_bulk("retry", Saga.objects.all())
    assert (found.total, found.looked_at, found.eligible) == (3, 3, 2)
    assert dict(found.not_eligible) == {"completed": 1}
    assert dict(found.groups) == {"pay ship abort": 2}
    assert not BulkOperation.objects.exists()


def test_to_look_costs_the_same_however_many_sagas_are_meant(world, pay):
    costs = []
    for number in (1, 12):
        stuck(world, pay, number)
        with CaptureQueriesContext(connection) as taken:
            foresee_bulk("retry", Saga.objects.all())
        costs.append(len(taken))
    assert costs[0] == costs[1]


def test_an_operation_needs_a_reason(world, pay):
    with pytest.raises(InvalidInput, match="needs a reason"):
        begin(reason="  ")


def test_each_verb_leaves_its_audit_entry(world, pay):
    (saga,) = stuck(world, pay)
    begin()
    run(world)
    assert saga.audit.get().reason == "payments is back"


def test_one_that_nobody_can_ask_keeps_no_other_from_its_turn(world, pay):
    stuck(world, pay, 2)
    operation = begin()
    gone = {"result": {"$sealed": "sealed:0badc0de:gone"}}
    BulkOperation.objects.filter(pk=operation.pk).update(arguments=gone)
    run(world)
    operation.refresh_from_db()
    assert (operation.state, tally(operation)["not_eligible"]) == ("done", 2)
    assert BulkItem.objects.first().said == "Unreadable, a fault: the log of the workers has it."
