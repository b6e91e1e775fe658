"""`start_many`: a saga for each input, or none for any when one is invalid."""

import pytest
from pydantic import BaseModel

from sagas import operations, saga, step, wait
from sagas.errors import InvalidInput
from sagas.models import Journal, Run, Saga
from sagas.record import birth
from tests.sagas.world import World

pytestmark = pytest.mark.django_db


class Order(BaseModel):
    number: int


@pytest.mark.parametrize("number", [0, 1, 3, birth.MOST + 1])
def test_every_input_has_its_saga_in_their_order(world: World, number: int) -> None:
    world.knows(saga("order", step(world.lock, compensation=world.release), input=Order))
    begun = operations.start_many("order", [{"number": n} for n in range(number)], actor="ann", labels={"a": "b"})
    assert [one.saga.input for one in begun] == [{"number": n} for n in range(number)]
    assert [one.created for one in begun] == [True] * number
    stored = [Saga.objects.get(pk=one.saga.pk) for one in begun]
    assert [found.input for found in stored] == [{"number": n} for n in range(number)]
    assert {(f.state, f.rev, f.started_by, f.labels["a"]) for f in stored} <= {("running", 1, "ann", "b")}
    assert Run.objects.filter(path="lock", work="due", rung_at__isnull=False).count() == number
    assert Journal.objects.filter(rev=1).count() == number
    for found in stored[:3]:
        assert world.run_through(found).state == "completed"


def test_one_that_is_invalid_keeps_all_from_beginning_and_is_named(world: World) -> None:
    world.knows(saga("order", step(world.lock, compensation=world.release), input=Order))
    with pytest.raises(InvalidInput) as raised:
        operations.start_many("order", [{"number": 1}, {"number": "x"}], actor="ann")
    assert [fault["pointer"] for fault in raised.value.errors] == ["/1/number"]
    assert not Saga.objects.exists()


def test_a_table_that_begins_with_a_wait_begins_as_well(world: World) -> None:
    world.knows(saga("patient", wait("paid"), step(world.lock, compensation=world.release)))
    begun = operations.start_many("patient", [None, None], actor="ann")
    assert [one.saga.state for one in begun] == ["waiting", "waiting"]
    assert Run.objects.filter(path="paid", work="waiting").count() == 2
