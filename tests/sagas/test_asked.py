"""Functions that answer questions, and what waits: signals, people, time; the contract, sentence by sentence."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from pydantic import BaseModel

from sagas import (
    TIMED_OUT,
    Abort,
    Retry,
    RetryLater,
    approval,
    child,
    each,
    operations,
    parallel,
    saga,
    sleep,
    step,
    wait,
)
from sagas.engine.sweep import sweep
from sagas.errors import NotAllowed
from sagas.models import Signal
from sagas.record import clock
from sagas.words.outcome import Succeeded
from sagas.words.rows import Row
from tests.sagas.orders import members, stands
from tests.sagas.world import World, moves_of, run_of

pytestmark = pytest.mark.django_db

HOUR = timedelta(hours=1)
ONCE = Retry(attempts=1)


# Functions that are asked


def no_transaction(calls: list[str], name: str, answer: Any) -> Any:
    def ask(ctx: Any, *given: Any) -> Any:
        assert not connection.in_atomic_block
        calls.append(name)
        return answer() if callable(answer) else answer

    return ask


@pytest.mark.django_db(transaction=True)
def test_functions_are_called_once_before_the_transaction_that_stores_their_answer(world: World) -> None:
    calls: list[str] = []

    def ask(name: str, answer: Any) -> Any:
        return no_transaction(calls, name, answer)

    inner = saga("inner", step(world.pack, compensation=world.unpack))
    outer = saga(
        "order",
        step(world.gift, compensation=world.ungift, when=ask("when of a step", True)),
        parallel(*members(world, "a", "b"), when=ask("when of a group", True)),
        each(
            "lines",
            step(world.lock, compensation=world.unlock),
            items=ask("items", [1, 2]),
            when=ask("when of a list", True),
        ),
        wait("settled", accept=ask("accept", {"ok": True}), when=ask("when of a wait", True)),
        sleep(name="nap", until=ask("until", clock.now)),
        child(inner, input=ask("input", {"n": 1})),
        step(world.fail, reads_only=True),
    )
    world.knows(inner, outer)
    world.script("gift", RetryLater("busy"))
    world.script("fail", Abort("no"))
    found = world.start(outer)
    operations.signal(found.pk, "settled", {}, actor="bank")
    for _ in range(4):
        world.work()
        world.later(timedelta(minutes=1))
        sweep()
    assert stands(found) == ("compensated", [])
    assert sorted(calls) == sorted(
        [
            "when of a step",
            "when of a group",
            "when of a list",
            "items",
            "when of a wait",
            "accept",
            "until",
            "input",
        ]
    )


def oops(*given: Any) -> Any:
    raise KeyError("oops")


def not_pure(row: str) -> tuple[Row, str]:
    def fail(ctx: Any) -> Any:
        return None

    inner = saga("inner", step(fail, reads_only=True))
    rows: dict[str, Row] = {
        "when": step(fail, name="odd", reads_only=True, when=oops),
        "items": each("odd", step(fail, reads_only=True), items=oops),
        "no list": each("odd", step(fail, reads_only=True), items=lambda ctx: "text"),
        "input": child(inner, name="odd", input=oops),
        "until": sleep(name="odd", until=oops),
        "no time": sleep(name="odd", until=lambda ctx: datetime(2030, 1, 1)),
        "accept": wait("odd", accept=oops),
    }
    return rows[row], "odd"


@pytest.mark.parametrize("row", ["when", "items", "no list", "input", "until", "no time", "accept"])
def test_if_one_raises_the_step_before_it_is_recorded_and_its_row_is_an_incident(world: World, row: str) -> None:
    odd, path = not_pure(row)
    found = world.start(saga("order", *members(world, "before"), odd))
    operations.signal(found.pk, "odd", {}, actor="bank")
    world.work(found)
    assert stands(found) == ("stuck", [(path, "definition_error")])
    assert run_of(found, "before").state == "succeeded"
    operations.retry(found.pk, actor="ann", reason="again")
    world.work(found)
    assert stands(found) == ("stuck", [(path, "definition_error")])
    operations.cancel(found.pk, actor="ann", reason="enough")
    assert world.run_through(found).state == "cancelled"
    assert world.called == ["before", "unbefore"]


def test_a_row_that_is_skipped_has_the_result_none(world: World) -> None:
    seen: list[Any] = []
    table = saga(
        "order",
        step(world.gift, compensation=world.ungift, when=lambda ctx: False),
        wait("settled", when=lambda ctx: False),
        step(lambda ctx: seen.extend([ctx.results["gift"], ctx.results["settled"]]), name="look", reads_only=True),
    )
    found = world.run_through(world.start(table))
    assert (found.state, seen) == ("completed", [None, None])
    assert [move["did"] for move in moves_of(found) if move.get("step") == "gift"] == ["opened", "decides", "skipped"]
    world.answer(world.attempt(world.start(table), "gift"), Succeeded(result={"taken": True}))


# Waits


class Settlement(BaseModel):
    status: str


def test_of_two_open_waits_of_one_name_the_one_opened_first_takes_the_signal(world: World) -> None:
    late = wait("settled", name="second", when=lambda ctx: True)
    found = world.start(saga("order", parallel(late, wait("settled", name="first"))))
    world.work(found)
    assert operations.signal(found.pk, "settled", 1, actor="bank").taken
    world.work(found)
    assert (run_of(found, "first").result, run_of(found, "second").work) == (1, "waiting")
    operations.signal(found.pk, "settled", 2, actor="bank")
    world.work(found)
    assert (run_of(found, "second").result, stands(found)[0]) == (2, "completed")


def test_signals_that_come_early_are_taken_first_in_first_out(world: World) -> None:
    found = world.start(saga("order", *members(world, "a"), wait("s", name="one"), wait("s", name="two")))
    for number in (1, 2, 3):
        operations.signal(found.pk, "s", number, actor="bank", id=f"n{number}")
    world.work(found)
    assert [run_of(found, name).result for name in ("one", "two")] == [1, 2]
    assert Signal.objects.filter(saga=found, taken_by=None).count() == 1


def test_what_accept_returns_is_the_result_and_the_payload_is_checked_by_the_schema(world: World) -> None:
    row = wait("settled", schema=Settlement, accept=lambda ctx, payload: {"was": payload.status})
    found = world.start(saga("order", row))
    operations.signal(found.pk, "settled", {"status": "ok"}, actor="bank")
    world.work(found)
    assert run_of(found, "settled").result == {"was": "ok"}


def test_a_wait_that_went_on_without_an_answer_has_a_distinct_result_never_none(world: World) -> None:
    seen: list[Any] = []
    table = saga(
        "order",
        wait("settled", timeout=HOUR, on_timeout="continue"),
        approval("ok", timeout=HOUR, on_timeout="continue"),
        step(lambda ctx: seen.extend([ctx.results["settled"], ctx.results["ok"]]), name="look", reads_only=True),
    )
    found = world.start(table)
    world.sweep_later(HOUR + timedelta(minutes=1))
    world.work(found)
    world.sweep_later(HOUR + timedelta(minutes=1))
    assert world.run_through(found).state == "completed"
    assert seen == [TIMED_OUT, TIMED_OUT]


# Approvals


def test_a_no_turns_back_by_default_and_is_a_result_where_the_row_says_so(world: World) -> None:
    for on_no, state in (("compensate", "compensated"), ("continue", "completed")):
        found = world.start(saga("order", approval("ok", on_no=on_no)))
        operations.decide(found.pk, step="ok", approved=False, actor="ann", reason="too dear")
        assert world.run_through(found).state == state
    result = run_of(found, "ok").result
    assert {name: result[name] for name in ("approved", "by", "reason")} == {
        "approved": False,
        "by": "ann",
        "reason": "too dear",
    }


class Limit(BaseModel):
    amount: int


def test_who_when_why_and_the_forms_values_are_the_rows_result(world: World) -> None:
    found = world.start(saga("order", approval("ok", form=Limit)))
    operations.decide(found.pk, step="ok", approved=True, form={"amount": "5"}, actor="ann", reason="fine")
    world.work(found)
    result = run_of(found, "ok").result
    at = datetime.fromisoformat(result.pop("at"))
    assert abs(at - clock.now()) < timedelta(minutes=1)
    assert result == {"approved": True, "by": "ann", "reason": "fine", "form": {"amount": 5}}


def test_a_decision_on_a_row_already_decided_is_refused_with_who_decided(world: World) -> None:
    found = world.start(saga("order", approval("ok"), *members(world, "a")))
    operations.decide(found.pk, step="ok", approved=True, actor="ann", reason="fine")
    for _ in range(2):
        with pytest.raises(NotAllowed, match="ann") as error:
            operations.decide(found.pk, step="ok", approved=False, actor="bob", reason="no")
        assert error.value.code == "decided"
        world.run_through(found)
    assert found.state == "completed"


def test_a_decision_after_the_time_was_over_is_refused_with_what_decided(world: World) -> None:
    table = saga("order", approval("ok", timeout=HOUR, on_timeout="continue"), wait("then"))
    found = world.start(table)
    world.sweep_later(HOUR + timedelta(minutes=1))
    world.work(found)
    assert run_of(found, "ok").state == "timed_out"
    with pytest.raises(NotAllowed) as error:
        operations.decide(found.pk, step="ok", approved=True, actor="bob", reason="late")
    assert error.value.code == "decided"


def test_only_the_group_may_decide(world: World) -> None:
    found = world.start(saga("order", approval("ok", group="sales")))
    with pytest.raises(NotAllowed):
        operations.decide(found.pk, step="ok", approved=True, actor="bob", reason="yes", groups=["support"])
    operations.decide(found.pk, step="ok", approved=True, actor="ann", reason="yes", groups=["sales"])
    assert world.run_through(found).state == "completed"


# Sleep


def test_a_sleep_is_durable_and_movable(world: World) -> None:
    found = world.start(saga("nap", sleep(timedelta(days=30), name="nap")))
    operations.reschedule(found.pk, at=clock.now() + HOUR, step="nap", actor="ann", reason="sooner")
    world.sweep_later(HOUR - timedelta(minutes=1))
    assert stands(found)[0] == "waiting"
    world.sweep_later(timedelta(minutes=2))
    assert world.run_through(found).state == "completed"


@pytest.mark.parametrize("function", [True, False])
def test_a_sleep_until_a_time_ends_then_and_never_earlier(world: World, function: bool) -> None:
    at = clock.now() + HOUR
    found = world.start(saga("nap", sleep(name="nap", until=(lambda ctx: at) if function else at)))
    world.work(found)
    world.sweep_later(HOUR - timedelta(minutes=1))
    assert stands(found)[0] == "waiting"
    world.sweep_later(timedelta(minutes=2))
    assert world.run_through(found).state == "completed"
