"""What is wrong in a table is said in sentences that say what to do about it, all at once."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import pytest
from pydantic import BaseModel

from sagas import Retry, approval, child, each, parallel, saga, sleep, step, wait
from sagas.words.definition import Definition
from sagas.words.faults import faults_of
from sagas.words.rows import Row

SECOND = timedelta(seconds=1)
ONCE = Retry(attempts=1, first=timedelta(0), longest=timedelta(0), factor=1)
NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


class Order(BaseModel):
    sku: str
    lines: list[str]


def lock_stock(context: object) -> None: ...
def charge(context: object) -> None: ...
def ship(context: object) -> None: ...
def notify(context: object) -> None: ...
def refund(context: object) -> None: ...
def accept(context: object, payload: object) -> None: ...


Build = Callable[[], Definition]


def undoable(action: Any, **policy: Any) -> Row:
    return step(action, **{"compensation": refund, **policy})


def pivot(**policy: Any) -> Row:
    return step(charge, pivot=True, **policy)


def of_one(action: Any = charge, **policy: Any) -> Build:
    return lambda: saga("order", undoable(action, **policy))


def of_rows(*rows: Any, name: Any = "order", **options: Any) -> Build:
    return lambda: saga(name, *(rows or [undoable(charge)]), **options)


def past_pivot(*rows: Row) -> Build:
    return of_rows(pivot(), *rows)


def nested(depth: int) -> Definition:
    """A saga with so many levels, itself included."""
    return saga(f"level_{depth}", undoable(charge) if depth == 1 else child(nested(depth - 1)))


PLAIN = saga("shipping", undoable(ship))
COMMITTING = saga("shipping", pivot(name="ship"))


def everything() -> Definition:
    return saga(
        "order",
        parallel(
            step(notify, reads_only=True), parallel(undoable(lock_stock), undoable(ship)), compensate="parallel", join=2
        ),
        each("lines", undoable(charge, name="pack"), concurrency=2, max_failures=1, compensate="parallel"),
        undoable(refund, probe=notify, probe_after=SECOND, probe_is_final=True, idempotent=False, heartbeat=SECOND),
        undoable(charge, name="book", local=True, on_failure="incident"),
        wait("paid", schema=Order, accept=accept, when=notify),
        wait("paid", name="paid_again", on_timeout="continue"),
        approval("large", group="sales", form=Order, remind=SECOND, on_no="continue"),
        sleep(SECOND, name="nap"),
        sleep(until=NOON, name="until_noon"),
        child(PLAIN, input=notify),
        child(COMMITTING, name="final", no_compensation="it is only called off before"),
        pivot(probe=notify, no_compensation="it never needs any"),
        step(notify, name="tell", optional=True, on_exhausted="skip", retry=ONCE),
        step(ship, name="send"),
        parallel(undoable(notify, name="north"), step(notify, name="south", no_compensation="kept"), join=1),
        each("parts", step(notify, name="part"), items=notify),
        wait("arrived", on_timeout="continue"),
        wait("weighed", on_timeout="continue", accept=accept, on_failure="incident"),
        approval("fine", on_timeout="continue", on_no="continue"),
        approval("good", on_timeout="continue", on_failure="incident"),
        sleep(until=notify, name="rest"),
        child(saga("after", pivot()), on_failure="incident"),
        input=Order,
        version=3,
        deadline=SECOND,
        on_compensation_stuck="continue",
        owner="payments",
        runbook="https://example.com",
    )


def test_a_good_table_has_no_faults() -> None:
    assert faults_of(everything()) == []


HEADER = [
    (of_rows(name="Order"), "the name must be lower-case letters"),
    (of_rows(name=""), "the name must be lower-case letters"),
    (of_rows(name="x" * 64), "the name must be lower-case letters"),
    (of_rows(name=7), "the name must be lower-case letters"),
    (of_rows(version=0), "the version must be a whole number from 1"),
    (of_rows(version="2"), "the version must be a whole number from 1"),
    (of_rows(version=True), "the version must be a whole number from 1"),
    (of_rows(name="order", version=1, on_compensation_stuck="wait"), "on_compensation_stuck must be 'block' or"),
    (lambda: saga("order"), "the table is empty; give it at least one step"),
    (of_rows(charge), "charge is not a row; wrap a function as step"),
    (of_rows(parallel(undoable(ship), undoable(charge), lock_stock)), "lock_stock is not a row"),
    (of_rows(parallel(undoable(ship), lock_stock)), "lock_stock is not a row"),
    (of_rows(parallel(undoable(ship), parallel(undoable(charge), undoable(refund), 7))), "7 is not a row"),
    (of_rows(input=dict), "input= must be a pydantic model class"),
    (of_rows(input=Order(sku="a", lines=[])), "input= must be a pydantic model class"),
    (of_rows(deadline=timedelta(0)), "deadline must be a timedelta longer than nothing"),
    (of_rows(deadline=60), "deadline must be a timedelta longer than nothing"),
]
NAMES = [
    (of_rows(undoable(charge), undoable(charge)), "two rows are named 'charge'; give one of them another name="),
    (of_rows(undoable(charge), parallel(undoable(charge), undoable(ship))), "two rows are named 'charge'"),
    (of_rows(wait("charge"), undoable(charge)), "two rows are named 'charge'"),
    (of_rows(each("charge", undoable(charge), items=notify)), "two rows are named 'charge'"),
    (
        of_rows(parallel(undoable(ship), undoable(charge)), sleep(SECOND, name="parallel_0")),
        "two rows are named 'parallel_0'",
    ),
    (of_one(name="Charge"), "the name must be lower-case letters, digits and underscores"),
    (of_one(lambda context: None), "the name must be lower-case letters"),
    (of_one(name=7), "the name must be lower-case letters"),
    (of_rows(wait("Paid")), "the name must be lower-case letters"),
    (of_rows(wait("Paid", name="paid")), "so must the signal's be"),
    (of_rows(approval("")), "the name must be lower-case letters"),
    (of_rows(sleep(SECOND, name="a nap")), "the name must be lower-case letters"),
    (of_rows(child(PLAIN, name="Shipping")), "the name must be lower-case letters"),
    (of_rows(parallel(undoable(ship), undoable(charge), name="Both")), "the name must be lower-case letters"),
    (of_rows(each("", undoable(charge), items=notify)), "the name must be lower-case letters"),
]
STEPS = [
    (of_one("charge", name="charge"), "action must be a function of the context, not 'charge'"),
    (of_one(None, name="charge"), "action must be a function of the context, not None"),
    (of_one(compensation="refund"), "compensation must be a function of the context"),
    (of_one(probe=7), "probe must be a function of the context"),
    (of_one(when=True), "when must be a function of the context"),
    (of_one(compensation=None), "nothing says how it is undone"),
    (of_one(no_compensation="no need"), "it has a compensation and a reason for having none"),
    (of_one(reads_only=True), "a step that only reads is never compensated"),
    (of_one(reads_only=True, compensation=None, no_compensation="it reads"), "a step that only reads is never"),
    (of_one(timeout=None), "timeout=None would let it wait for ever"),
    (of_one(total=None), "total=None would let it wait for ever"),
    (of_one(timeout=30), "timeout must be a timedelta longer than nothing, not 30"),
    (of_one(total=timedelta(0)), "total must be a timedelta longer than nothing"),
    (of_one(heartbeat=-SECOND), "heartbeat must be a timedelta longer than nothing"),
    (of_one(heartbeat=5), "heartbeat must be a timedelta longer than nothing"),
    (of_one(probe=notify, probe_after=timedelta(0)), "probe_after must be a timedelta longer than nothing"),
    (of_one(retry=3), "retry must be a Retry(...), not 3"),
    (of_one(compensation_retry=None), "compensation_retry must be a Retry(...), not None"),
    (of_one(retry=Retry(attempts=None)), "retry: attempts=None never gives up"),
    (of_one(compensation_retry=Retry(attempts=0)), "compensation_retry: attempts must be a whole number from 1, not 0"),
    (of_one(retry=Retry(attempts="3")), "retry: attempts must be a whole number from 1, not '3'"),  # type: ignore[arg-type]
    (of_one(retry=Retry(first=5)), "retry: first and longest must be timedeltas"),  # type: ignore[arg-type]
    (of_one(retry=Retry(longest=5)), "retry: first and longest must be timedeltas"),  # type: ignore[arg-type]
    (of_one(retry=Retry(first=-SECOND)), "0 <= first <= longest and factor >= 1 must hold"),
    (of_one(retry=Retry(first=SECOND, longest=timedelta(0))), "0 <= first <= longest and factor >= 1 must hold"),
    (of_one(retry=Retry(factor=0.5)), "0 <= first <= longest and factor >= 1 must hold"),
    (of_one(on_exhausted="ignore"), "on_exhausted must be 'compensate', 'suspend' or 'skip', not 'ignore'"),
    (of_one(on_failure="ignore"), "on_failure must be 'compensate' or 'incident', not 'ignore'"),
    (of_one(on_exhausted="skip"), "on_exhausted='skip' is for optional steps"),
    (of_one(probe_after=SECOND), "probe_after and probe_is_final speak of a probe"),
    (of_one(probe_is_final=True), "probe_after and probe_is_final speak of a probe"),
    (of_one(local=True, probe=notify), "a local step is never in doubt"),
    (of_one(local=True, heartbeat=SECOND), "a local step is never in doubt"),
    (of_one(queue=""), "queue must be the name of a Celery queue"),
    (of_one(queue=7), "queue must be the name of a Celery queue"),
    (of_one(queue="sagas:order"), "without colons"),
    (of_one(queue="sagas,hooks"), "without colons, commas and spaces"),
    (of_one(queue="q" * 101), "100 characters at most"),
]
WAITS = [
    (of_rows(wait("paid", timeout=None)), "timeout=None would let it wait for ever"),
    (of_rows(wait("paid", timeout=30)), "timeout must be a timedelta longer than nothing"),  # type: ignore[arg-type]
    (of_rows(wait("paid", schema=dict)), "schema= must be a pydantic model class"),  # type: ignore[arg-type]
    (of_rows(wait("paid", accept=True)), "accept must be a function of the context"),  # type: ignore[arg-type]
    (of_rows(wait("paid", on_timeout="skip")), "on_timeout must be 'compensate' or 'continue'"),  # type: ignore[arg-type]
    (of_rows(wait("paid", on_failure="skip")), "on_failure must be 'compensate' or 'incident'"),  # type: ignore[arg-type]
    (of_rows(wait("paid", when=True)), "when must be a function of the context"),  # type: ignore[arg-type]
    (of_rows(wait("paid", queue="")), "queue must be the name of a Celery queue"),
    (of_rows(approval("large", timeout=None)), "timeout=None would let it wait for ever"),
    (of_rows(approval("large", timeout=timedelta(0))), "timeout must be a timedelta longer than nothing"),
    (of_rows(approval("large", remind=timedelta(0))), "remind must be a timedelta longer than nothing"),
    (of_rows(approval("large", form=dict)), "form= must be a pydantic model class"),  # type: ignore[arg-type]
    (of_rows(approval("large", group=None)), "group must be the name of a group of users"),  # type: ignore[arg-type]
    (of_rows(approval("large", on_no="skip")), "on_no must be 'compensate' or 'continue'"),  # type: ignore[arg-type]
    (of_rows(approval("large", on_timeout="skip")), "on_timeout must be 'compensate' or 'continue'"),  # type: ignore[arg-type]
    (of_rows(sleep(name="nap")), "say either how long, sleep(timedelta(...)), or until when"),
    (of_rows(sleep(SECOND, until=NOON, name="nap")), "say either how long, sleep(timedelta(...)), or until when"),
    (of_rows(sleep(timedelta(0), name="nap")), "duration must be a timedelta longer than nothing"),
    (of_rows(sleep(5, name="nap")), "duration must be a timedelta longer than nothing"),  # type: ignore[arg-type]
    (of_rows(sleep(until=NOON.replace(tzinfo=None), name="nap")), "until needs a time zone"),
    (of_rows(sleep(until="noon", name="nap")), "until must be an aware datetime or a function"),  # type: ignore[arg-type]
]
CHILDREN = [
    (of_rows(child("shipping", name="shipping")), "child(...) takes a definition made by saga(...), not 'shipping'"),  # type: ignore[arg-type]
    (of_rows(child(PLAIN, input={})), "input must be a function of the context"),  # type: ignore[arg-type]
    (of_rows(child(PLAIN, on_failure="continue")), "on_failure must be 'compensate' or 'incident'"),  # type: ignore[arg-type]
    (of_rows(child(saga("order", undoable(ship)), name="again")), "a saga cannot be its own child"),
    (
        of_rows(child(saga("middle", child(saga("order", undoable(ship)), name="again")))),
        "a saga cannot be its own child",
    ),
    (lambda: nested(9), "sagas nest 8 deep at most"),
    (of_rows(child(COMMITTING)), "past its own pivot it cannot be undone; put it after this saga's pivot"),
    (of_rows(child(COMMITTING), pivot()), "past its own pivot it cannot be undone; put it after this saga's pivot"),
    (of_rows(child(saga("outer", child(COMMITTING)))), "past its own pivot it cannot be undone; put it after"),
    (of_rows(pivot(when=notify), child(COMMITTING, on_failure="incident")), "past its own pivot it cannot be undone"),
    (
        past_pivot(parallel(child(COMMITTING, on_failure="incident"), undoable(ship, name="send"), join=1)),
        "the saga can go on without it, and past its own pivot it cannot be undone; take it out",
    ),
]
GROUPS = [
    (of_rows(parallel(undoable(charge))), "parallel 'parallel_0': it has fewer than two rows; write its row alone"),
    (of_rows(undoable(ship), parallel()), "parallel 'parallel_1': it has fewer than two rows"),
    (
        of_rows(parallel(undoable(ship), parallel(undoable(charge)))),
        "parallel 'parallel_0_1': it has fewer than two rows",
    ),
    *(
        (of_rows(parallel(undoable(ship), undoable(charge), join=join)), "is a number from 1 to 2")
        for join in (0, 3, -1, True, "1")
    ),
    (
        of_rows(parallel(undoable(ship), undoable(charge), compensate="all")),  # type: ignore[arg-type]
        "compensate must be 'sequence' or 'parallel'",
    ),
    (
        of_rows(parallel(undoable(ship), undoable(charge), when=1)),  # type: ignore[arg-type]
        "when must be a function of the context",
    ),
    (
        of_rows(parallel(undoable(ship), parallel(undoable(charge), undoable(notify), compensate="parallel"))),
        "compensate= is said on the outermost group",
    ),
    (
        of_rows(parallel(undoable(ship), each("parts", undoable(charge), items=notify, compensate="parallel"))),
        "compensate= is said on the outermost group",
    ),
    (
        past_pivot(parallel(undoable(ship), step(notify), join=2)),
        "step 'notify': the saga can go on without it, and nothing says how it is undone then",
    ),
    (
        past_pivot(parallel(undoable(ship), parallel(undoable(refund), step(notify)), join=1)),
        "step 'notify': the saga can go on without it, and nothing says how it is undone then",
    ),
    (
        past_pivot(each("parts", step(notify), items=notify, max_failures=1)),
        "step 'notify': the saga can go on without it, and nothing says how it is undone then",
    ),
    (of_rows(each("parts", charge, items=notify)), "charge is not a step; an each(...) repeats one step(function)"),  # type: ignore[arg-type]
    (of_rows(each("parts", wait("paid"), items=notify)), "paid is not a step; an each(...) repeats"),  # type: ignore[arg-type]
    (
        of_rows(each("parts", parallel(undoable(charge), undoable(ship), name="both"), items=notify)),  # type: ignore[arg-type]
        "both is not a step; an each(...) repeats one step",
    ),
    *(
        (
            of_rows(each("parts", undoable(charge), items=notify, concurrency=concurrency)),
            "concurrency must be a whole number from 1",
        )
        for concurrency in (0, None, True)
    ),
    *(
        (
            of_rows(each("parts", undoable(charge), items=notify, max_failures=most)),
            "max_failures must be a whole number from 0",
        )
        for most in (-1, 0.5)
    ),
    (of_rows(each("parts", undoable(charge), items=[])), "items must be a function of the context"),  # type: ignore[arg-type]
    (of_rows(each("parts", undoable(charge)), input=Order), "the input has no field 'parts' to take the list from"),
]
PIVOT = [
    (of_rows(pivot(), step(ship, pivot=True)), "there is one point of no return at most; charge and ship say pivot"),
    (of_rows(parallel(pivot(), undoable(ship))), "the point of no return cannot stand in a group"),
    (of_rows(each("parts", pivot(), items=notify)), "the point of no return cannot stand in a group"),
    (of_rows(pivot(compensation=refund)), "a compensation of the pivot would never run; drop compensation="),
    (of_rows(pivot(optional=True)), "the point of no return has an effect that must happen"),
    (of_rows(pivot(reads_only=True)), "the point of no return has an effect that must happen"),
    (of_rows(step(lock_stock), pivot()), "step 'lock_stock': nothing says how it is undone"),
    (of_rows(pivot(when=notify), step(ship)), "step 'ship': nothing says how it is undone"),
    (past_pivot(wait("paid")), "it stands after the pivot, where nothing turns back; say on_timeout='continue'"),
    (of_rows(pivot(when=notify), wait("paid")), "it stands after the pivot, where nothing turns back"),
    (past_pivot(parallel(wait("paid"), step(ship))), "wait 'paid': it stands after the pivot"),
    (past_pivot(wait("paid", on_timeout="continue", accept=accept)), "say on_failure='incident'"),
    (past_pivot(approval("fine", on_no="continue")), "say on_timeout='continue'"),
    (past_pivot(approval("fine", on_timeout="continue")), "say on_failure='incident'"),
    (past_pivot(child(PLAIN)), "say on_failure='incident'"),
]


async def asks_in_vain(ctx: object) -> None: ...


def gives(ctx: object) -> Iterator[int]:
    yield 1


def of_two(order: object, ctx: object) -> None: ...
def of_none() -> None: ...


class Bank:
    def charge(self, ctx: object) -> None: ...


CALLED: list[tuple[Build, str]] = [
    (of_one(asks_in_vain), "action is async, and nobody would await it; write it as a plain function, def asks_in"),
    (of_one(partial(asks_in_vain), name="charge"), "action is async"),
    (of_one(gives), "action has a yield in it, so that a call does nothing; write def gives(ctx)"),
    (of_one(of_two), "action is called with one argument, of_two(ctx), and takes (order: object, ctx: object)"),
    (of_one(of_none), "action is called with one argument, of_none(ctx), and takes ()"),
    (of_one(Bank.charge), "action is called with one argument"),
    (of_one(compensation=of_two), "compensation is called with one argument"),
    (of_one(probe=of_none), "probe is called with one argument"),
    (of_one(when=of_none), "when is called with one argument"),
    (of_rows(wait("paid", accept=charge)), "accept is called with two arguments, charge(ctx, payload), and takes"),
    (of_rows(sleep(name="nap", until=of_none)), "until is called with one argument"),
    (of_rows(child(PLAIN, input=of_none)), "input is called with one argument"),
    (of_rows(each("parts", undoable(charge), items=of_none)), "items is called with one argument"),
    (of_rows(summary=of_none), "summary is called with one argument, of_none(input)"),
    (of_rows(summary="a line"), "summary must be a function of the input, not 'a line'"),
]


@pytest.mark.parametrize(
    "function",
    [Bank().charge, partial(of_two, "an order"), lambda *given: None, lambda ctx, more=1: None, print, dict.fromkeys],
)
def test_whatever_can_be_called_with_the_context_may_be_a_step(function: Any) -> None:
    assert faults_of(saga("order", undoable(function, name="charge"))) == []


def test_a_list_may_be_given_item_by_item() -> None:
    assert faults_of(saga("order", each("parts", undoable(charge), items=gives))) == []


@pytest.mark.parametrize(
    ("build", "sentence"),
    [*HEADER, *NAMES, *STEPS, *WAITS, *CHILDREN, *GROUPS, *PIVOT, *CALLED],
    ids=lambda given: given if isinstance(given, str) else "",
)
def test_what_is_wrong_in_a_table_is_one_sentence(build: Build, sentence: str) -> None:
    (fault,) = faults_of(build())
    assert sentence in fault
    assert fault.startswith("saga ")
    assert fault.endswith(".")


def test_a_fault_names_its_saga_and_its_row() -> None:
    (fault,) = faults_of(saga("order", undoable(charge, queue=""), version=2))
    assert fault.startswith("saga 'order' version 2, step 'charge': queue must")


def test_all_faults_are_told_at_once() -> None:
    table = saga("Order", ship, step(charge, timeout=None), step(charge, on_exhausted="skip"), version=0)  # type: ignore[arg-type]
    assert len(faults_of(table)) == 8


def test_sagas_may_nest_eight_deep() -> None:
    assert faults_of(nested(8)) == []


def test_where_no_model_says_what_the_input_is_a_list_is_taken_on_trust() -> None:
    assert faults_of(saga("order", each("lines", undoable(charge)))) == []


def test_a_name_taken_by_a_group_and_a_step_confuses_nothing_else() -> None:
    table = saga(
        "order", parallel(undoable(charge), undoable(ship), name="both", join=1), undoable(notify, name="both")
    )
    assert len(faults_of(table)) == 1


def test_the_faults_of_a_childs_table_are_told_of_that_table_alone() -> None:
    inner = saga("inner", child("shipping", name="shipping"))  # type: ignore[arg-type]
    assert faults_of(saga("outer", child(inner))) == []
