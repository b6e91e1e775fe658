"""A table is a value: it knows its rows, and its fingerprint tells one table from another."""

from datetime import timedelta
from typing import Any

import pytest
from pydantic import BaseModel

from sagas import Retry, approval, child, each, parallel, saga, sleep, step, wait
from sagas.words.definition import Definition
from sagas.words.rows import Row

SECOND = timedelta(seconds=1)


class Order(BaseModel):
    sku: str


def lock_stock(context: object) -> None: ...
def charge(context: object) -> None: ...
def ship(context: object) -> None: ...
def notify(context: object) -> None: ...
def refund(context: object) -> None: ...


def undoable(action: Any, **policy: Any) -> Row:
    return step(action, **{"compensation": refund, **policy})


def everything() -> Definition:
    return saga(
        "order",
        parallel(step(notify, reads_only=True), parallel(undoable(lock_stock), undoable(ship))),
        each("lines", undoable(charge, name="pack")),
        parallel(undoable(charge), wait("paid"), name="money", join=1),
        approval("large"),
        sleep(SECOND, name="nap"),
        child(saga("shipping", undoable(ship))),
    )


def test_a_row_is_named_after_what_it_does_or_waits_for() -> None:
    assert [*everything().places] == [
        "parallel_0",
        "notify",
        "parallel_0_1",
        "lock_stock",
        "ship",
        "lines",
        "pack",
        "money",
        "charge",
        "paid",
        "large",
        "nap",
        "shipping",
    ]


def test_a_place_knows_its_row_of_the_table_and_the_groups_around_it() -> None:
    found = {path: (place.top, place.groups) for path, place in everything().places.items()}
    assert found["parallel_0_1"] == (0, ("parallel_0",))
    assert found["ship"] == (0, ("parallel_0", "parallel_0_1"))
    assert found["pack"] == (1, ("lines",))
    assert found["paid"] == (2, ("money",))
    assert found["nap"] == (4, ())


def test_a_place_says_what_it_is_not() -> None:
    places = everything().places
    assert places["lines"].group.rows == (places["pack"].step,)
    with pytest.raises(TypeError, match="paid is a wait, not a step"):
        _ = places["paid"].step
    with pytest.raises(TypeError, match="charge is a step, not a group"):
        _ = places["charge"].group


def test_a_table_knows_its_rows_and_who_is_in_which_group() -> None:
    table = everything()
    assert table.tops == ("parallel_0", "lines", "money", "large", "nap", "shipping")
    assert table.members == {
        "parallel_0": ("notify", "parallel_0_1"),
        "parallel_0_1": ("lock_stock", "ship"),
        "lines": ("pack",),
        "money": ("charge", "paid"),
    }
    assert table.within("parallel_0") == ("parallel_0", "notify", "parallel_0_1", "lock_stock", "ship")
    assert table.within("paid") == ("paid",)
    assert [one.name for one in table.steps] == ["notify", "lock_stock", "ship", "pack", "charge"]


def test_a_table_knows_the_queues_its_rows_run_on() -> None:
    table = saga(
        "order",
        undoable(ship),
        each("lines", undoable(charge, queue="payments")),
        parallel(wait("paid", queue="hooks"), sleep(SECOND, name="nap", queue="slow")),
    )
    assert table.queues == {"sagas", "payments", "hooks", "slow"}


@pytest.mark.parametrize(
    ("policy", "owes"),
    [({}, True), ({"compensation": None, "no_compensation": "kept"}, False), ({"reads_only": True}, False)],
)
def test_a_step_owes_what_it_can_undo(policy: dict[str, Any], owes: bool) -> None:
    assert saga("order", undoable(charge, **policy)).places["charge"].step.owes is owes


@pytest.mark.parametrize(
    ("policy", "exhausted"),
    [
        ({}, "compensate"),
        ({"on_exhausted": "suspend"}, "suspend"),
        ({"optional": True}, "skip"),
        ({"optional": True, "on_exhausted": "skip"}, "skip"),
        ({"optional": True, "on_exhausted": "suspend"}, "suspend"),
    ],
)
def test_an_optional_step_is_skipped_when_exhausted_unless_it_says_otherwise(
    policy: dict[str, Any], exhausted: str
) -> None:
    assert saga("order", undoable(charge, **policy)).places["charge"].step.exhausted == exhausted


def rows(*given: Row) -> str:
    return saga("order", *given).fingerprint


PLAIN = rows(undoable(lock_stock), undoable(charge))


def test_a_fingerprint_is_sixteen_hex_digits_and_the_same_in_every_process() -> None:
    assert PLAIN == "ac3da4b70476f818"
    assert rows(parallel(undoable(lock_stock), undoable(charge))) == "c47c7a06dc5f4882"


@pytest.mark.parametrize(
    "other",
    [
        rows(undoable(charge), undoable(lock_stock)),
        rows(undoable(lock_stock)),
        rows(undoable(lock_stock), undoable(charge), undoable(ship)),
        rows(undoable(lock_stock), undoable(charge, name="charge_card")),
        rows(parallel(undoable(lock_stock), undoable(charge))),
        rows(undoable(lock_stock), undoable(charge, compensation=None, no_compensation="kept")),
        rows(undoable(lock_stock), undoable(charge, probe=notify)),
        rows(undoable(lock_stock), step(charge, reads_only=True)),
        rows(undoable(lock_stock), undoable(charge, pivot=True)),
        rows(undoable(lock_stock), undoable(charge, local=True)),
        rows(undoable(lock_stock), each("lines", undoable(charge))),
        rows(undoable(lock_stock), wait("charge")),
    ],
    ids=[
        *("order", "fewer", "more", "name", "parallel", "compensation", "probe", "reads_only"),
        *("pivot", "local", "each", "wait"),
    ],
)
def test_names_order_and_shapes_change_the_fingerprint(other: str) -> None:
    assert other != PLAIN


def test_how_rows_are_nested_changes_the_fingerprint() -> None:
    a, b, c = undoable(lock_stock), undoable(charge), undoable(ship)
    shapes = [rows(parallel(a, b, c)), rows(parallel(a, parallel(b, c))), rows(parallel(parallel(a, b), c))]
    assert len({*shapes, rows(a, parallel(b, c)), rows(parallel(a, b), c)}) == 5


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (wait("paid"), wait("paid", name="settled")),
        (wait("settled"), wait("paid", name="settled")),
        (wait("paid"), wait("paid", on_timeout="continue")),
        (approval("large"), approval("small")),
        (approval("large"), approval("large", on_timeout="continue")),
        (approval("large"), approval("large", on_no="continue")),
        (approval("large"), wait("large")),
        (sleep(SECOND, name="nap"), sleep(SECOND, name="rest")),
        (parallel(wait("a"), wait("b")), parallel(wait("a"), wait("b"), join=1)),
        (parallel(wait("a"), wait("b"), join=1), parallel(wait("a"), wait("b"), join=2)),
        (parallel(wait("a"), wait("b")), parallel(wait("a"), wait("b"), name="both")),
        (each("lines", undoable(charge)), each("parts", undoable(charge))),
        (each("lines", undoable(charge)), each("lines", undoable(ship))),
        (child(saga("a", wait("b"))), child(saga("b", wait("b")), name="a")),
        (child(saga("a", wait("b"))), child(saga("a", wait("b"), version=2))),
        (child(saga("a", wait("b"))), child(saga("a", wait("b")), no_compensation="kept")),
    ],
)
def test_every_kind_of_row_has_a_shape(one: Row, other: Row) -> None:
    assert rows(one) == rows(one)
    assert rows(one) != rows(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (wait("paid"), wait("paid", timeout=SECOND, accept=notify, on_failure="incident", when=notify)),
        (approval("large"), approval("large", timeout=SECOND, group="sales", remind=SECOND)),
        (sleep(SECOND, name="nap"), sleep(until=notify, name="nap")),
        (each("lines", undoable(charge)), each("lines", undoable(charge), items=notify, concurrency=9, max_failures=3)),
        (parallel(wait("a"), wait("b")), parallel(wait("a"), wait("b"), compensate="parallel", when=notify)),
        (child(saga("a", wait("b"))), child(saga("a", wait("c")), input=notify, on_failure="incident")),
    ],
)
def test_patience_of_every_kind_of_row_leaves_the_fingerprint_alone(one: Row, other: Row) -> None:
    assert rows(one) == rows(other)


def test_functions_patience_and_what_surrounds_the_table_leave_the_fingerprint_alone() -> None:
    def other_refund(context: object) -> int:
        return 1

    patient = {"retry": Retry(attempts=9), "timeout": SECOND, "queue": "payments", "optional": True}
    same = saga(
        "another_name",
        undoable(ship, name="lock_stock", compensation=other_refund),
        undoable(charge, **patient),
        version=9,
        deadline=SECOND,
        input=Order,
    )
    assert same.fingerprint == PLAIN
