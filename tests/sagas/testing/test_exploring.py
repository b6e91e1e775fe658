"""Every place at which a worker can die, found by the kit itself."""

import pytest

from sagas import Abort
from sagas.testing import explore, fails
from tests.sagas.testing.shop import ORDER, order, parent_order, slow_order

pytestmark = pytest.mark.django_db

NOTHING = {"*": {}}


def test_an_order_ends_the_same_wherever_its_worker_dies() -> None:
    found = explore(order, input=ORDER, steps=NOTHING)
    assert list(found.ends) == ["completed"]
    assert found.runs >= 10


def test_a_declined_order_is_undone_wherever_its_worker_dies() -> None:
    found = explore(order, fails("charge", Abort("declined")), input=ORDER, steps=NOTHING)
    assert list(found.ends) == ["compensated"]


def test_a_slow_order() -> None:
    found = explore(slow_order, input={**ORDER, "lines": ["a", "b"]}, steps=NOTHING)
    assert list(found.ends) == ["completed"]


def test_children() -> None:
    found = explore(parent_order, fails("charge", Abort("declined")), input=ORDER, steps=NOTHING)
    assert list(found.ends) == ["compensated"]


def test_two_crashes() -> None:
    found = explore(order, fails("charge", Abort("declined")), input=ORDER, steps=NOTHING, pairs=True)
    assert list(found.ends) == ["compensated"]
