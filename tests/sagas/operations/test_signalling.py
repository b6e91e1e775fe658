"""`signal`: stored before it is answered, taken once, in order, also when it came early; never lost."""

from typing import Any

import pytest
from pydantic import BaseModel

from sagas import operations, parallel, saga, step, wait
from sagas.errors import InvalidInput, NotAllowed, NotFound
from sagas.models import Saga, Signal
from sagas.words import registry
from tests.sagas.operations.states import BY, completed, fresh
from tests.sagas.world import World, run_of

pytestmark = pytest.mark.django_db


class Payment(BaseModel):
    amount: int


def waiting(world: World, *names: str, **options: Any) -> Saga:
    rows = [wait("settled", name=name, **options) for name in names or ("settled",)]
    found = world.start(saga("order", step(world.charge, compensation=world.refund), *rows), business_key="A")
    world.work()
    return fresh(found)


def tell(found: Saga, payload: Any = None, name: str = "settled", **options: Any) -> operations.Signalled:
    return operations.signal(found.pk, name, payload, actor="bank", **options)


def test_a_signal_is_stored_and_the_saga_woken_at_once(world: World) -> None:
    found = waiting(world)
    told = tell(found, {"n": 1})
    assert (told.taken, told.replayed) == (True, False)
    assert run_of(found, "settled").work == "due"
    stored = Signal.objects.get()
    assert (stored.payload, stored.sender, stored.taken_by) == ({"n": 1}, "bank", run_of(found, "settled"))


def test_early_signals_are_kept_and_taken_first_in_first_out(world: World) -> None:
    rows = [wait("settled", name=name) for name in ("one", "two", "three")]
    found = world.start(saga("order", step(world.charge, compensation=world.refund), *rows))
    assert [tell(found, number).taken for number in (1, 2)] == [False, False]
    world.work()
    assert tell(found, 3).taken
    world.work()
    assert [run_of(found, name).result for name in ("one", "two", "three")] == [1, 2, 3]
    assert fresh(found).state == "completed"


def test_a_signal_is_taken_by_one_wait_only_the_one_opened_first(world: World) -> None:
    rows = parallel(*(wait("settled", name=name) for name in ("one", "two")))
    found = world.start(saga("order", rows))
    world.work()
    assert tell(found, 1).taken
    world.work()
    assert (run_of(found, "one").result, run_of(found, "two").work) == (1, "waiting")
    tell(found, 2)
    world.work()
    assert (fresh(found).state, run_of(found, "two").result) == ("completed", 2)


def test_the_same_id_with_the_same_payload_is_answered_as_before(world: World) -> None:
    found = waiting(world, "one", "two")
    first, again = tell(found, {"n": 1}, id="p-1"), tell(found, {"n": 1}, id="p-1")
    assert (again.replayed, again.taken, again.signal) == (True, True, first.signal)
    world.work()
    assert run_of(found, "two").work == "waiting"
    assert tell(found, {"n": 1}, id="p-1").replayed
    assert Signal.objects.count() == 1


def test_the_same_id_with_another_payload_is_refused(world: World) -> None:
    found = waiting(world)
    tell(found, {"n": 1}, id="p-1")
    with pytest.raises(NotAllowed) as refusal:
        tell(found, {"n": 2}, id="p-1")
    assert refusal.value.code == "signal_conflict"
    assert Signal.objects.get().payload == {"n": 1}


def test_without_an_id_each_is_a_signal_of_its_own(world: World) -> None:
    found = waiting(world, "one", "two")
    tell(found, 1)
    tell(found, 1)
    world.work()
    assert fresh(found).state == "completed"


def test_an_unexpected_signal_is_stored_and_flagged_and_wakes_nothing(world: World) -> None:
    found = waiting(world)
    told = tell(found, 1, name="weather")
    assert (told.taken, told.signal.flag) == (False, "unexpected")
    assert run_of(found, "settled").work == "waiting"


def test_a_signal_to_an_ended_saga_is_stored_as_late_and_refused(world: World) -> None:
    found = completed(world)
    with pytest.raises(NotAllowed) as refusal:
        tell(found, 1, id="p-1")
    assert refusal.value.code == "ended"
    assert (Signal.objects.get().flag, Signal.objects.get().payload) == ("late", 1)
    with pytest.raises(NotAllowed):
        tell(found, 1, id="p-1")
    assert Signal.objects.count() == 1
    assert fresh(found).state == "completed"


def test_a_signal_that_was_answered_before_the_end_is_answered_so_after_it(world: World) -> None:
    found = waiting(world)
    tell(found, 1, id="p-1")
    world.work()
    assert fresh(found).state == "completed"
    again = tell(found, 1, id="p-1")
    assert (again.replayed, again.taken) == (True, True)


def test_a_payload_that_does_not_fit_is_refused_and_not_stored(world: World) -> None:
    found = waiting(world, schema=Payment)
    with pytest.raises(InvalidInput) as refusal:
        tell(found, {"amount": "much"})
    assert refusal.value.errors[0]["pointer"] == "/payload/amount"
    with pytest.raises(InvalidInput):
        tell(found, "\0")
    assert not Signal.objects.exists()
    assert run_of(found, "settled").work == "waiting"


@pytest.mark.parametrize("bad", [{"id": ""}, {"id": "x" * 256}, {"id": "a\0b"}, {"name": "x" * 64}, {"name": "a\0b"}])
def test_an_id_or_a_name_that_no_database_takes_is_refused(world: World, bad: dict[str, str]) -> None:
    found = waiting(world)
    for _ in range(2):
        with pytest.raises(InvalidInput):
            tell(found, 1, **bad)
    assert not Signal.objects.exists()


def test_while_a_saga_goes_back_a_signal_is_stored_and_changes_nothing(world: World) -> None:
    found = waiting(world)
    operations.cancel(found.pk, **BY)
    told = tell(found, 1)
    assert not told.taken
    world.work()
    assert (fresh(found).state, world.called) == ("cancelled", ["charge", "refund"])


def test_a_signal_by_key_goes_to_the_holder(world: World) -> None:
    found = waiting(world)
    told = operations.signal_by_key("order", "A", "settled", 1, actor="bank")
    assert (told.saga.pk, told.taken) == (found.pk, True)


def test_a_signal_by_key_that_nobody_holds_finds_nothing(world: World) -> None:
    found = waiting(world)
    with pytest.raises(NotFound):
        operations.signal_by_key("order", "B", "settled", 1, actor="bank")
    with pytest.raises(NotFound):
        operations.signal_by_key("order", "A", "settled", 1, actor="bank", tenant="other")
    tell(found)
    world.work()
    with pytest.raises(NotFound):
        operations.signal_by_key("order", "A", "settled", 1, actor="bank")


def test_a_signal_with_start_begins_a_saga_that_has_it_in_one_transaction(world: World) -> None:
    world.knows(saga("paid", wait("paid", schema=Payment), step(world.ship, reads_only=True)))
    begin = {"start_if_missing": {"input": {"n": 1}}}
    with pytest.raises(InvalidInput):
        operations.signal_by_key("paid", "A", "paid", {"amount": "?"}, actor="bank", **begin)
    assert not Saga.objects.exists()
    told = operations.signal_by_key("paid", "A", "paid", {"amount": 5}, actor="bank", **begin)
    assert (told.saga.business_key, told.saga.input, told.taken) == ("A", {"n": 1}, True)
    world.work()
    assert (fresh(told.saga).state, run_of(told.saga, "paid").result) == ("completed", {"amount": 5})


def test_a_signal_with_start_to_an_open_holder_begins_no_second_one(world: World) -> None:
    found = waiting(world)
    told = operations.signal_by_key("order", "A", "settled", 1, actor="bank", start_if_missing={"input": {}})
    assert (told.saga.pk, Saga.objects.count()) == (found.pk, 1)


def test_a_signal_that_comes_to_a_process_without_the_table_is_kept_for_one_that_has_it(world: World) -> None:
    found = waiting(world)
    with registry.replaced([]):
        assert not tell(found, 1).taken
        world.work()
        assert run_of(found, "settled").work == "waiting"
    world.work()
    assert (fresh(found).state, run_of(found, "settled").result) == ("completed", 1)


def test_two_signals_that_come_to_a_process_without_the_table_are_both_kept(world: World) -> None:
    found = waiting(world, "one", "two")
    with registry.replaced([]):
        tell(found, 1)
        tell(found, 2)
    world.work()
    assert [run_of(found, path).result for path in ("one", "two")] == [1, 2]
