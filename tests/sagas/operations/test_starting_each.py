"""`start_each`: each on its own terms, and what is wrong with one is nobody else's."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from pydantic import BaseModel

from sagas import operations, saga, step
from sagas.errors import DefinitionUnknown, InvalidInput, NotAllowed
from sagas.models import Saga
from sagas.record import birth
from tests.sagas.world import World

pytestmark = pytest.mark.django_db


class Order(BaseModel):
    number: int


@pytest.fixture
def orders(world: World) -> None:
    world.knows(
        saga("order", step(world.lock, compensation=world.release), input=Order),
        saga("other", step(world.ship, compensation=world.recall)),
    )


def test_each_has_its_own_result_in_their_order(orders: None, world: World) -> None:
    held = operations.start("order", {"number": 0}, actor="ann", business_key="held").saga
    came = operations.start_each(
        [
            {"definition": "order", "input": {"number": 1}, "business_key": "a", "labels": {"of": "a"}},
            {"definition": "nowhere"},
            {"definition": "order", "input": {"number": "x"}},
            {"definition": "order", "input": {"number": 2}, "business_key": "held"},
            {"definition": "order", "input": {"number": 3}, "business_key": "held", "on_duplicate": "refuse"},
            {"definition": "order", "input": {"number": 4}, "business_key": "a"},
            {"definition": "other", "priority": 7},
        ],
        actor="ann",
        tenant="default",
    )
    first, unknown, misfit, met, refused, twin, other = came
    assert isinstance(first, operations.Started)
    assert (first.created, first.saga.labels) == (True, {"of": "a"})
    assert isinstance(unknown, DefinitionUnknown)
    assert isinstance(misfit, InvalidInput)
    assert isinstance(met, operations.Started)
    assert (met.created, met.saga.pk) == (False, held.pk)
    assert isinstance(refused, NotAllowed)
    assert isinstance(twin, operations.Started)
    assert (twin.created, twin.saga.pk) == (False, first.saga.pk), "of two with one key in a list the first holds it"
    assert isinstance(other, operations.Started)
    assert (other.saga.definition, other.saga.priority) == ("other", 7)
    assert Saga.objects.count() == 3
    for one in (first, other):
        assert world.run_through(one.saga).state == "completed"


def test_one_that_begins_later_does_not_keep_the_others(orders: None) -> None:
    later = {"definition": "order", "input": {"number": 1}, "business_key": "queued", "on_duplicate": "queue"}
    came = operations.start_each([later, later, {"definition": "other"}], actor="ann")
    assert [one.saga.state for one in came if isinstance(one, operations.Started)] == ["running", "pending", "running"]


@pytest.mark.only_on("postgresql")
def test_many_begin_in_few_statements(orders: None) -> None:
    number = 2 * birth.MOST + 1
    asked = [{"definition": "order", "input": {"number": n}, "business_key": f"k{n}"} for n in range(number)]
    with CaptureQueriesContext(connection) as statements:
        came = operations.start_each(asked, actor="ann")
    assert all(isinstance(one, operations.Started) and one.created for one in came)
    assert len(statements) <= 6
