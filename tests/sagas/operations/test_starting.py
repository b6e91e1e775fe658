"""`start` and `clone`: one transaction, one holder of a business key, and no successor is forgotten."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import transaction
from pydantic import BaseModel, Field

from sagas import operations, saga, step, wait
from sagas.errors import Abort, DefinitionUnknown, InvalidInput, NotAllowed, NotFound
from sagas.models import Audit, Run, Saga
from sagas.record import clock
from sagas.words.definition import Definition
from tests.sagas.operations.states import BY, HOUR, completed, fresh, held_refused, past_the_pivot
from tests.sagas.world import World, run_of

pytestmark = pytest.mark.django_db


class Order(BaseModel):
    sku: str
    amount: int = 1


class Odd(BaseModel):
    amount: int = Field(alias="net/gross~sum")


def keyed(world: World, **options: Any) -> Definition:
    table = saga("keyed", step(world.charge, compensation=world.refund), wait("settled"), **options)
    world.knows(table)
    return table


def start(on_duplicate: Any = "return", **options: Any) -> operations.Started:
    return operations.start("keyed", actor="ann", business_key="A", on_duplicate=on_duplicate, **options)


def settle(world: World, found: Saga) -> None:
    operations.signal(found.pk, "settled", actor="bank")
    world.work()


def test_a_start_is_one_transaction_saga_and_first_run(world: World) -> None:
    keyed(world)
    with transaction.atomic():
        begun = start().saga
        transaction.set_rollback(True)
    assert not Saga.objects.filter(pk=begun.pk).exists()
    assert not Run.objects.exists()
    begun = start().saga
    assert [(run.path, run.work) for run in begun.runs.all()] == [("charge", "due")]


def test_of_an_open_holder_a_start_with_return_answers_with_it(world: World) -> None:
    keyed(world)
    first, second = start(), start()
    assert (first.created, second.created, second.saga.pk) == (True, False, first.saga.pk)


def test_a_start_with_refuse_is_refused_while_the_key_is_held_and_says_what_is_allowed(world: World) -> None:
    keyed(world)
    first = start().saga
    with pytest.raises(NotAllowed) as refusal:
        start("refuse")
    assert (refusal.value.code, refusal.value.allowed) == ("duplicate", operations.allowed(first))
    assert Saga.objects.count() == 1


def test_a_key_is_of_one_tenant_and_one_definition(world: World) -> None:
    world.knows(*(saga(name, wait("settled")) for name in ("one", "two")))
    ids = {
        operations.start(name, actor="ann", business_key="A", tenant=tenant).saga.pk
        for name in ("one", "two")
        for tenant in ("x", "y")
    }
    assert len(ids) == 4


def test_a_queued_start_holds_no_key_and_begins_in_the_transaction_that_ends_the_holder(world: World) -> None:
    keyed(world)
    first, second = start().saga, start("queue").saga
    assert (second.state, second.holds_key, second.runs.count()) == ("pending", False, 0)
    world.work()
    assert world.called == ["charge"]
    operations.signal(first.pk, "settled", actor="bank")
    world.deliver(run_of(first, "settled"))
    assert fresh(first).state == "completed"
    assert fresh(second).holds_key
    assert second.runs.get().kind == "message"
    world.work()
    assert fresh(second).state == "waiting"
    assert world.called == ["charge", "charge"]


def test_of_many_that_are_queued_each_begins_once_in_their_order(world: World) -> None:
    keyed(world)
    sagas = [start("queue").saga for _ in range(4)]
    for number, found in enumerate(sagas):
        world.work()
        assert [fresh(one).state for one in sagas] == ["completed"] * number + ["waiting"] + ["pending"] * (3 - number)
        settle(world, found)
    assert world.called == ["charge"] * 4


def test_a_queued_start_that_was_cancelled_never_begins_and_the_next_one_does(world: World) -> None:
    keyed(world)
    first, second, third = (start("queue").saga for _ in range(3))
    operations.cancel(second.pk, **BY)
    world.work()
    settle(world, first)
    assert [fresh(one).state for one in (first, second, third)] == ["completed", "cancelled", "waiting"]


def test_a_holder_that_is_given_up_lets_the_next_one_begin(world: World) -> None:
    world.script("charge", Abort("no"))
    world.knows(saga("keyed", step(world.charge, compensation=world.refund, on_failure="incident")))
    first, second = start().saga, start("queue").saga
    world.work()
    operations.give_up(first.pk, **BY)
    world.work()
    assert (fresh(first).state, fresh(second).state) == ("failed", "completed")


def test_a_replacing_start_cancels_the_holder_and_begins_when_it_has_ended(world: World) -> None:
    keyed(world)
    first = start().saga
    world.work()
    second = start("replace").saga
    assert (fresh(first).going, second.state) == ("back", "pending")
    world.work()
    assert (fresh(first).state, fresh(second).state) == ("cancelled", "waiting")
    assert world.called == ["charge", "refund", "charge"]
    assert Audit.objects.get(saga=first).verb == "cancel"


def test_a_replacing_start_is_refused_when_the_holder_cannot_be_cancelled_and_leaves_nothing(world: World) -> None:
    found = past_the_pivot(world)
    Saga.objects.filter(pk=found.pk).update(business_key="A")
    before = fresh(found).rev
    with pytest.raises(NotAllowed) as refusal:
        operations.start("order", actor="ann", business_key="A", on_duplicate="replace")
    assert refusal.value.code == "committed"
    assert (Saga.objects.count(), fresh(found).rev) == (1, before)


def test_a_start_that_replaces_one_that_has_not_begun_begins_at_once(world: World) -> None:
    keyed(world)
    first = start(start_at=clock.now() + HOUR).saga
    second = start("replace").saga
    world.work()
    assert (fresh(first).state, fresh(second).state) == ("cancelled", "waiting")


def test_the_input_is_checked_and_each_fault_has_its_place(world: World) -> None:
    world.knows(saga("typed", wait("settled"), input=Order))
    with pytest.raises(InvalidInput) as refusal:
        operations.start("typed", {"amount": "many"}, actor="ann")
    assert {fault["pointer"] for fault in refusal.value.errors} == {"/sku", "/amount"}
    assert not Saga.objects.exists()
    assert operations.start("typed", {"sku": "x"}, actor="ann").saga.input == {"sku": "x", "amount": 1}


def test_a_place_in_the_input_is_written_as_json_pointers_are(world: World) -> None:
    world.knows(saga("odd", wait("settled"), input=Odd))
    with pytest.raises(InvalidInput) as refusal:
        operations.start("odd", {"net/gross~sum": "many"}, actor="ann")
    assert [fault["pointer"] for fault in refusal.value.errors] == ["/net~1gross~0sum"]


@pytest.mark.parametrize("key", ["", "x" * 256, "a\0b", "\ud800"])
def test_a_key_that_no_database_takes_is_refused(world: World, key: str) -> None:
    keyed(world)
    with pytest.raises(InvalidInput) as refusal:
        operations.start("keyed", actor="ann", business_key=key)
    assert refusal.value.errors[0]["pointer"] == "/business_key"


def test_a_time_to_begin_needs_a_time_zone(world: World) -> None:
    keyed(world)
    with pytest.raises(InvalidInput):
        start(start_at=datetime(2030, 1, 1))


def test_a_time_to_begin_that_is_past_is_now(world: World) -> None:
    keyed(world)
    begun = start(start_at=clock.now() - timedelta(days=1)).saga
    assert begun.state == "running"


def test_a_saga_of_an_unknown_definition_or_version_is_not_begun(world: World) -> None:
    keyed(world)
    for wanted in ({"definition": "nothing"}, {"definition": "keyed", "version": 7}):
        with pytest.raises(DefinitionUnknown):
            operations.start(actor="ann", **wanted)


def test_a_new_saga_takes_the_highest_version_and_a_named_one_if_it_is_named(world: World) -> None:
    tables = [saga("keyed", wait("settled"), version=number) for number in (1, 2)]
    world.knows(*tables)
    assert operations.start("keyed", actor="ann").saga.version == 2
    assert operations.start("keyed", actor="ann", version=1).saga.version == 1


@pytest.mark.parametrize("priority", [101, -101, 10**9, 1.5, True, "5", None])
def test_a_priority_beyond_the_range_is_refused(world: World, priority: Any) -> None:
    keyed(world)
    with pytest.raises(InvalidInput, match="from -100 to 100; 0 is normal") as refusal:
        start(priority=priority)
    assert [fault["pointer"] for fault in refusal.value.errors] == ["/priority"]
    most = [operations.start("keyed", actor="ann", priority=number).saga.priority for number in (-100, 100)]
    assert most == [-100, 100]


def test_labels_and_priority_are_kept_and_runs_have_the_priority(world: World) -> None:
    keyed(world)
    found = start(labels={"shop": "north"}, priority=7).saga
    assert (fresh(found).labels, run_of(found, "charge").priority) == ({"shop": "north"}, 7)


def test_a_live_saga_is_never_cloned(world: World) -> None:
    found = held_refused(world)
    with pytest.raises(NotAllowed) as refusal:
        operations.clone(found.pk, **BY)
    assert (refusal.value.code, refusal.value.allowed) == ("live", operations.allowed(fresh(found)))


def test_a_clone_wants_confirmed_that_effects_of_the_original_are_in_place(world: World) -> None:
    found = completed(world)
    with pytest.raises(NotAllowed, match="charge") as refusal:
        operations.clone(found.pk, **BY)
    assert refusal.value.code == "effects_in_place"
    assert Saga.objects.count() == 1
    started = operations.clone(found.pk, confirm_effects=True, **BY)
    assert (started.saga.cloned_from_id, started.created) == (found.pk, True)
    assert world.run_through(started.saga).state == "completed"
    entry = Audit.objects.get(saga=found)
    assert (entry.verb, entry.details) == ("clone", {"clone": str(started.saga.pk)})


def test_a_clone_of_one_that_was_undone_needs_no_confirmation_and_has_keys_of_its_own(world: World) -> None:
    found = world.start(saga("order", step(world.charge, compensation=world.refund), wait("settled")), {"n": 1})
    world.work()
    operations.cancel(found.pk, **BY)
    world.work()
    started = operations.clone(found.pk, **BY).saga
    world.work()
    assert started.input == {"n": 1}
    keys = [key for name, key in world.calls if name == "charge"]
    assert len(set(keys)) == 2


def test_a_clone_with_an_edited_input_is_checked_by_the_schema(world: World) -> None:
    found = world.start(saga("typed", step(world.look, reads_only=True), input=Order), {"sku": "x"})
    world.work()
    with pytest.raises(InvalidInput):
        operations.clone(found.pk, input={"sku": 3, "amount": "?"}, **BY)
    assert operations.clone(found.pk, input={"sku": "y"}, **BY).saga.input == {"sku": "y", "amount": 1}


def test_a_clone_goes_to_todays_version(world: World) -> None:
    found = world.start(saga("typed", step(world.look, reads_only=True)))
    world.work()
    world.knows(saga("typed", step(world.look, reads_only=True)), saga("typed", wait("settled"), version=2))
    assert operations.clone(found.pk, **BY).saga.version == 2


def test_another_tenants_saga_is_not_there(world: World) -> None:
    found = completed(world)
    for verb in ("clone", "cancel", "retry", "give_up", "pause"):
        with pytest.raises(NotFound):
            getattr(operations, verb)(found.pk, tenant="other", **BY)


def test_what_begins_later_is_not_retried_into_beginning_now(world: World) -> None:
    table = saga("later", step(world.charge, compensation=world.refund))
    world.knows(table)
    found = operations.start("later", actor="ann", start_at=clock.now() + timedelta(hours=1)).saga
    assert "retry" not in operations.allowed(found)
    with pytest.raises(NotAllowed):
        operations.retry(found.pk, actor="ann", reason="now")
