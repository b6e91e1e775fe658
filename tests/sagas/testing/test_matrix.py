"""What becomes of a saga when one thing goes wrong for ever, row by row."""

import pytest

from sagas import TIMED_OUT, Abort, parallel, saga, step, wait
from sagas.models import Saga, Worker
from sagas.record import clock
from sagas.testing import fails, failure_matrix, given
from sagas.testing.database import database_of_its_own
from tests.sagas.testing.shop import (
    ORDER,
    Order,
    charge,
    check_user,
    find_charge,
    lock_stock,
    order,
    parent_order,
    refund,
    release_stock,
    slow_order,
)

pytestmark = pytest.mark.django_db

careful = saga(
    "careful",
    step(lock_stock, compensation=release_stock),
    step(charge, no_compensation="never", pivot=True, probe=find_charge),
    step(check_user, reads_only=True, on_failure="incident"),
    input=Order,
)


def test_every_step_with_everything_that_can_go_wrong() -> None:
    found = failure_matrix(order, input=ORDER)
    assert [(cell.state, cell.undone, cell.incidents) for cell in found if cell.row == "charge"] == [
        ("compensated", ("lock_stock",), ()),
        ("compensated", ("lock_stock",), ()),
        ("compensated", ("charge", "lock_stock"), ()),
        ("stuck", (), (("charge", "crashed"),)),
        ("stuck", (), (("charge", "compensation_refused"),)),
    ]
    assert {cell.row for cell in found} == {"check_user", "check_stock", "lock_stock", "charge"}


def test_nothing_comes_for_a_wait_and_an_approval_gets_a_no() -> None:
    found = failure_matrix(slow_order, input={**ORDER, "lines": ["a"]})
    assert found.of("large_order", "a no").undone == ("lock_stock",)
    assert found.of("large_order", "nobody decides").state == "compensated"
    assert found.of("payment_settled", "nothing comes").undone == ("charge", "lock_stock")
    assert found.of("pack", "refused").undone == ("charge", "lock_stock")


def test_a_child_fails() -> None:
    assert failure_matrix(parent_order, input=ORDER).of("shipping", "its pack is refused").undone == ("lock_stock",)


def test_past_the_pivot_nothing_is_undone() -> None:
    found = failure_matrix(careful, input=ORDER)
    assert found.of("charge", "refused").undone == ("lock_stock",)
    assert found.of("charge", "silent for ever").state == "completed"
    assert found.of("check_user", "refused").incidents == (("check_user", "refused"),)
    assert found.of("check_user", "busy for ever").incidents == (("check_user", "retries_exhausted"),)


def test_what_is_not_reached_is_said_so() -> None:
    never = saga("never", step(lock_stock, compensation=release_stock), wait("paid", when=lambda ctx: False))
    found = failure_matrix(never)
    assert found.of("paid", "nothing comes").state == "not reached"
    found = failure_matrix(order, fails("lock_stock", Abort("no")), input=ORDER, steps={"*": {}})
    assert found.of("charge", "refused").state == "not reached"


def test_the_rest_of_the_way_is_as_it_is_told() -> None:
    table = saga("two", wait("paid"), step(charge, compensation=refund), input=Order)
    found = failure_matrix(table, input=ORDER, answers={"paid": TIMED_OUT})
    assert found.of("charge", "refused").state == "not reached"


def test_it_is_shown_as_a_table() -> None:
    lines = str(failure_matrix(saga("one", parallel(step(lock_stock, compensation=release_stock))))).splitlines()
    row = next(line for line in lines if "silent for ever" in line)
    assert [part.strip() for part in row.strip("│").split("│")] == [
        "",
        "silent for ever",
        "compensated",
        "lock_stock",
        "",
    ]


def test_a_cell_that_there_is_not_is_asked_for_with_the_others_named() -> None:
    with pytest.raises(LookupError, match="there are: lock_stock: refused"):
        failure_matrix(saga("one", step(lock_stock, compensation=release_stock))).of("lock_stock", "sulks")


@pytest.mark.django_db(transaction=True)
def test_outside_of_a_test_it_has_a_database_of_its_own() -> None:
    with database_of_its_own():
        assert failure_matrix(order, input=ORDER).of("charge", "refused").state == "compensated"
        given(order, input=ORDER, steps={"*": {}}).ends("completed")
        assert Saga.objects.exists()
    assert not Saga.objects.exists()


def test_on_a_database_that_workers_live_on_nothing_is_played() -> None:
    now = clock.now()
    Worker.objects.create(name="w", started_at=now, beat_at=now)
    with pytest.raises(RuntimeError, match="give it a test's database"):
        failure_matrix(order, input=ORDER)
