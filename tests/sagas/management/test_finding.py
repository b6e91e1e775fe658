"""Which saga is meant by what somebody types."""

import pytest

from sagas import saga, step
from sagas.errors import NotFound
from sagas.management.finding import find
from sagas.models import Saga

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def table(world):
    found = saga("order", step(world.charge, compensation=world.refund))
    world.knows(found)
    return found


def test_an_id_or_its_beginning_is_enough(world, table):
    found = world.start(table)
    for given in (str(found.pk), str(found.pk).upper(), found.pk.hex, str(found.pk)[:30]):
        assert find(given) == found


def test_a_business_key_is_enough_and_means_the_open_saga_that_holds_it(world, table):
    ended = world.run_through(world.start(table, business_key="o-1"))
    assert find("o-1") == ended
    holder = world.start(table, business_key="o-1")
    world.start(table, business_key="o-1", on_duplicate="queue")
    assert find("o-1") == holder


def test_what_may_mean_several_is_refused_with_their_ids(world, table):
    other = saga("refill", step(world.charge, compensation=world.refund))
    world.knows(table, other)
    first, second = world.start(table, business_key="o-1"), world.start(other, business_key="o-1")
    with pytest.raises(NotFound, match="may mean several sagas") as refused:
        find("o-1")
    assert {str(first.pk), str(second.pk)} <= set(str(refused.value).replace("(", " ").replace(",", " ").split())


def test_a_business_key_that_begins_the_id_of_another_saga_is_refused(world, table):
    first = world.start(table)
    world.start(table, business_key=str(first.pk)[:28])
    with pytest.raises(NotFound, match="may mean several sagas"):
        find(str(first.pk)[:28])


@pytest.mark.parametrize("given", ["", "abc", "nobody", "ffffffff", "\x00", "f" * 33, "%", "*"])
def test_nothing_is_found_for_what_means_nothing(world, table, given):
    world.start(table, business_key="o-1")
    with pytest.raises(NotFound, match="There is no saga"):
        find(given)
    assert Saga.objects.count() == 1
