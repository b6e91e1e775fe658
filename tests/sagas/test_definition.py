"""A table is a value; what is wrong in it is said in sentences, and its fingerprint tells one table from another."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from pydantic import BaseModel

from sagas import Retry, parallel, saga, step
from sagas.definition import Definition, Row
from sagas.faults import faults_of

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


def of_one(action: Any = charge, **policy: Any) -> Callable[[], Definition]:
    return lambda: saga("order", undoable(action, **policy))


def of_rows(*rows: Any, name: Any = "order", **options: Any) -> Callable[[], Definition]:
    return lambda: saga(name, *(rows or [undoable(charge)]), **options)


def everything() -> Definition:
    return saga(
        "order",
        parallel(step(notify, reads_only=True), parallel(undoable(lock_stock), undoable(ship))),
        undoable(charge, probe=notify, probe_after=SECOND, probe_is_final=True, idempotent=False, heartbeat=SECOND),
        step(
            charge,
            name="charge_fee",
            no_compensation="a fee is kept",
            optional=True,
            on_exhausted="skip",
            retry=Retry(attempts=1, first=timedelta(0), factor=1),
        ),
        input=Order,
        version=3,
        deadline=SECOND,
        owner="payments",
        runbook="https://example.com",
    )


def test_a_good_table_has_no_problems() -> None:
    assert faults_of(everything()) == []


@pytest.mark.parametrize(
    ("build", "sentence"),
    [
        (of_rows(name="Order"), "the name must be lower-case letters"),
        (of_rows(name=""), "the name must be lower-case letters"),
        (of_rows(name="x" * 64), "the name must be lower-case letters"),
        (of_rows(name=7), "the name must be lower-case letters"),
        (of_rows(version=0), "the version must be a whole number from 1"),
        (of_rows(version="2"), "the version must be a whole number from 1"),
        (lambda: saga("order"), "the table is empty; give it at least one step"),
        (of_rows(charge), "charge is not a row; wrap a function as step"),
        (of_rows(parallel(undoable(ship), undoable(charge), lock_stock)), "lock_stock is not a row"),
        (of_rows(parallel(undoable(ship), parallel(undoable(charge), 7, 8))), "7 is not a row"),
        (of_rows(input=dict), "input= must be a pydantic model class"),
        (of_rows(input=Order(sku="a")), "input= must be a pydantic model class"),
        (of_rows(deadline=timedelta(0)), "the deadline must be"),
        (of_rows(deadline=60), "the deadline must be"),
        (of_rows(undoable(charge), undoable(charge)), "two rows are named 'charge'; give one of them another name="),
        (of_rows(undoable(charge), parallel(undoable(charge), undoable(ship))), "two rows are named 'charge'"),
        (of_rows(parallel(undoable(charge))), "parallel(...) at row 0 has fewer than two rows"),
        (of_rows(undoable(ship), parallel()), "parallel(...) at row 1 has fewer than two rows"),
        (of_rows(parallel(undoable(ship), parallel(undoable(charge)))), "parallel(...) at row 0.1 has fewer"),
        (of_one(name="Charge"), "the name must be lower-case letters, digits and underscores; give it a name="),
        (of_one(lambda context: None), "the name must be lower-case letters"),
        (of_one(name=7), "the name must be lower-case letters"),
        (of_one("charge", name="charge"), "action must be a function of the context, not 'charge'"),
        (of_one(compensation="refund"), "compensation must be a function of the context"),
        (of_one(probe=7), "probe must be a function of the context"),
        (of_one(compensation=None), "nothing says how it is undone"),
        (of_one(no_compensation="no need"), "it has a compensation and a reason for having none"),
        (of_one(reads_only=True), "a step that only reads is never compensated"),
        (of_one(reads_only=True, compensation=None, no_compensation="it reads"), "a step that only reads is never"),
        (of_one(timeout=None), "timeout=None would let it run for ever"),
        (of_one(total=None), "total=None would let it run for ever"),
        (of_one(timeout=30), "timeout must be a timedelta longer than nothing, not 30"),
        (of_one(total=timedelta(0)), "total must be a timedelta longer than nothing"),
        (of_one(heartbeat=-SECOND), "heartbeat must be a timedelta longer than nothing"),
        (of_one(heartbeat=5), "heartbeat must be a timedelta longer than nothing"),
        (of_one(probe=notify, probe_after=timedelta(0)), "probe_after must be a timedelta longer than nothing"),
        (of_one(retry=3), "retry must be a Retry(...), not 3"),
        (of_one(compensation_retry=None), "compensation_retry must be a Retry(...), not None"),
        (of_one(retry=Retry(attempts=None)), "retry: attempts=None never gives up"),
        (
            of_one(compensation_retry=Retry(attempts=0)),
            "compensation_retry: attempts must be a whole number from 1, not 0",
        ),
        (of_one(retry=Retry(attempts="3")), "retry: attempts must be a whole number from 1, not '3'"),
        (of_one(retry=Retry(first=5)), "retry: first and longest must be timedeltas"),
        (of_one(retry=Retry(longest=5)), "retry: first and longest must be timedeltas"),
        (of_one(retry=Retry(first=-SECOND)), "0 <= first <= longest and factor >= 1 must hold"),
        (of_one(retry=Retry(first=SECOND, longest=timedelta(0))), "0 <= first <= longest and factor >= 1 must hold"),
        (of_one(retry=Retry(factor=0.5)), "0 <= first <= longest and factor >= 1 must hold"),
        (of_one(on_exhausted="ignore"), "on_exhausted must be 'compensate', 'suspend' or 'skip', not 'ignore'"),
        (of_one(on_exhausted="skip"), "on_exhausted='skip' is for optional steps"),
        (of_one(probe_after=SECOND), "probe_after and probe_is_final speak of a probe"),
        (of_one(probe_is_final=True), "probe_after and probe_is_final speak of a probe"),
        (of_one(queue=""), "queue must be the name of a Celery queue"),
        (of_one(queue=7), "queue must be the name of a Celery queue"),
    ],
)
def test_what_is_wrong_in_a_table_is_one_sentence(build: Callable[[], Definition], sentence: str) -> None:
    (problem,) = [found for found in faults_of(build()) if sentence in found]
    assert problem.startswith("saga ")
    assert problem.endswith(".")


def test_a_problem_names_its_saga_and_its_step() -> None:
    (problem,) = faults_of(saga("order", undoable(charge, queue=""), version=2))
    assert problem.startswith("saga 'order' version 2, step 'charge': queue must")


def test_all_problems_are_told_at_once() -> None:
    table = saga("Order", ship, step(charge, timeout=None), step(charge, on_exhausted="skip"), version=0)
    assert len(faults_of(table)) == 8


def test_a_step_is_named_after_its_action() -> None:
    assert [*everything().places] == ["notify", "lock_stock", "ship", "charge", "charge_fee"]


def test_a_place_knows_its_row_and_the_groups_around_it() -> None:
    table = everything()
    found = {name: (place.row, place.groups) for name, place in table.places.items()}
    assert found == {
        "notify": (0, ("0",)),
        "lock_stock": (0, ("0", "0.1")),
        "ship": (0, ("0", "0.1")),
        "charge": (1, ()),
        "charge_fee": (2, ()),
    }
    assert table.sizes == {"0": 2, "0.1": 2}
    assert [table.steps_of(row) for row in range(3)] == [["notify", "lock_stock", "ship"], ["charge"], ["charge_fee"]]


def test_a_table_knows_the_queues_its_steps_run_on() -> None:
    assert saga("order", undoable(ship), undoable(charge, queue="payments")).queues == {"sagas", "payments"}


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
    ],
    ids=["order", "fewer", "more", "name", "parallel", "compensation", "probe", "reads_only"],
)
def test_names_order_and_shapes_change_the_fingerprint(other: str) -> None:
    assert other != PLAIN


def test_how_rows_are_nested_changes_the_fingerprint() -> None:
    a, b, c = undoable(lock_stock), undoable(charge), undoable(ship)
    shapes = [rows(parallel(a, b, c)), rows(parallel(a, parallel(b, c))), rows(parallel(parallel(a, b), c))]
    assert len({*shapes, rows(a, parallel(b, c)), rows(parallel(a, b), c)}) == 5


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
