"""Going forward: groups, lists, waits, approvals, timers, children, local steps; the contract, sentence by sentence."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import OperationalError, connection
from pydantic import BaseModel

from sagas import (
    FAILED,
    TIMED_OUT,
    Abort,
    Retry,
    RetryLater,
    approval,
    child,
    clock,
    each,
    engine,
    operations,
    parallel,
    saga,
    sleep,
    step,
    wait,
)
from sagas.definition import Definition
from sagas.errors import NotAllowed, Unknown
from sagas.models import Journal, Run, Saga, Signal, Work
from sagas.outcome import Lost, Refused, Succeeded
from sagas.rows import Row
from sagas.sweep import sweep
from tests.sagas.world import World, moves_of, open_incidents, run_of

pytestmark = pytest.mark.django_db

HOUR = timedelta(hours=1)
ONCE = Retry(attempts=1)


def stands(found: Saga) -> tuple[str, list[tuple[str, str]]]:
    found.refresh_from_db()
    return found.state, open_incidents(found)


def members(world: World, *names: str, **options: Any) -> list[Any]:
    return [step(world.function(name), compensation=world.function(f"un{name}"), **options) for name in names]


def due(found: Saga) -> list[str]:
    return sorted(Run.objects.filter(saga=found, work=Work.DUE).values_list("path", flat=True))


# Rows and groups


def test_rows_run_in_table_order(world: World) -> None:
    found = world.run_through(world.start(saga("order", *members(world, "a", "b", "c"))))
    assert (found.state, world.called) == ("completed", ["a", "b", "c"])


def test_a_group_waits_for_a_suspended_member_while_its_siblings_go_on(world: World) -> None:
    world.script("a", Unknown("lost"))
    table = saga("sides", parallel(*members(world, "a", "b", idempotent=False)), *members(world, "last"))
    found = world.start(table)
    for name in "ab":
        world.deliver_one(run_of(found, name))
    assert stands(found) == ("stuck", [("a", "outcome_unknown")])
    assert not Run.objects.filter(saga=found, path="last").exists()
    operations.retry(found.pk, actor="ann", reason="again")
    assert world.run_through(found).state == "completed"
    assert world.called == ["a", "b", "a", "last"]


def test_a_saga_is_running_while_a_sibling_of_a_suspended_member_is(world: World) -> None:
    world.script("a", Unknown("lost"))
    found = world.start(saga("sides", parallel(*members(world, "a", "b", idempotent=False))))
    world.deliver_one(run_of(found, "a"))
    assert stands(found) == ("running", [("a", "outcome_unknown")])


def test_the_decisive_failure_turns_back_in_the_transaction_that_records_it(world: World) -> None:
    found = world.start(saga("sides", parallel(*members(world, "a", "b"))))
    world.answer(world.attempt(found, "a"), Refused(error="no"))
    found.refresh_from_db()
    moves = Journal.objects.get(saga=found, rev=found.rev).moves
    assert ("a", "failed") in [(move.get("step"), move.get("did")) for move in moves]
    assert {"saga": "compensating"} in moves


def test_a_join_has_succeeded_with_its_kth_success(world: World) -> None:
    found = world.start(saga("quotes", parallel(*members(world, "a", "b", "c"), join=2), *members(world, "book")))
    world.deliver_one(run_of(found, "c"))
    assert due(found) == ["a", "b"]
    world.deliver_one(run_of(found, "a"))
    assert due(found) == ["book"]


def test_a_join_has_failed_as_soon_as_fewer_than_k_members_can_still_succeed(world: World) -> None:
    world.script("a", Abort("no"))
    world.script("b", Abort("no"))
    found = world.start(saga("quotes", parallel(*members(world, "a", "b", "c"), join=2)))
    world.deliver_one(run_of(found, "a"))
    assert stands(found)[0] == "running"
    world.deliver_one(run_of(found, "b"))
    found.refresh_from_db()
    assert (found.state, found.going, world.called) == ("compensated", "back", ["a", "b"])


def test_a_member_that_a_join_can_do_without_is_undone_at_once(world: World) -> None:
    world.script("a", Unknown("lost"))
    table = saga("quotes", parallel(*members(world, "a", "b", "c", retry=ONCE), join=2))
    found = world.start(table)
    world.deliver_one(run_of(found, "a"))
    assert (due(found), run_of(found, "a").doing) == (["a", "b", "c"], "compensation")
    assert world.run_through(found).state == "completed"
    assert sorted(world.called) == ["a", "b", "c", "una"]


def test_groups_within_groups_join_from_the_inside_out(world: World) -> None:
    inner = parallel(*members(world, "b", "c"), name="inner")
    found = world.start(saga("nested", parallel(*members(world, "a"), inner), *members(world, "last")))
    assert due(found) == ["a", "b", "c"]
    for name in "cab":
        assert not Run.objects.filter(saga=found, path="last").exists()
        world.deliver_one(run_of(found, name))
    assert due(found) == ["last"]


def test_results_of_siblings_are_not_visible(world: World) -> None:
    def peek(ctx: Any) -> Any:
        with pytest.raises(KeyError):
            ctx.results["a"]
        return sorted(ctx.results)

    table = saga("sides", *members(world, "first"), parallel(*members(world, "a"), step(peek, reads_only=True)))
    found = world.start(table)
    for name in ("first", "a", "peek"):
        world.deliver_one(run_of(found, name))
    assert run_of(found, "peek").result == ["first"]


# Each


def lines(world: World, **options: Any) -> Definition:
    return saga("order", each("lines", step(world.lock, compensation=world.unlock, retry=ONCE), **options))


def items(found: Saga) -> list[str]:
    return list(Run.objects.filter(saga=found, path="lock").order_by("item").values_list("state", flat=True))


def test_the_list_is_evaluated_and_stored_when_the_row_opens(world: World) -> None:
    given = [[1, 2, 3], [7]]
    found = world.start(lines(world, items=lambda ctx: given.pop(0), concurrency=1))
    world.deliver_one(run_of(found, "lines"))
    assert list(Run.objects.filter(saga=found, path="lock").values_list("given", flat=True).order_by("item")) == [
        1,
        2,
        3,
    ]
    world.run_through(found)
    assert [ctx.item for ctx in world.contexts] == [1, 2, 3]
    assert [ctx.index for ctx in world.contexts] == [0, 1, 2]
    assert given == [[7]]


def test_at_most_its_concurrency_of_items_are_at_work(world: World) -> None:
    found = world.start(lines(world, concurrency=3), {"lines": list(range(7))})
    world.deliver_one(run_of(found, "lines"))
    for left in (3, 3, 3, 3, 3, 2, 1):
        at_work = Run.objects.filter(saga=found, path="lock", work=Work.DUE).order_by("item")
        assert at_work.count() == left
        world.deliver_one(at_work[left - 1])
    assert stands(found) == ("completed", [])


def test_every_item_is_a_run_of_its_own_with_its_own_key_and_compensation(world: World) -> None:
    world.script("fail", Abort("no"))
    row = each("lines", step(world.lock, compensation=world.unlock), concurrency=1)
    found = world.run_through(world.start(saga("order", row, step(world.fail, reads_only=True)), {"lines": ["x", "y"]}))
    assert world.calls == [
        ("lock", f"{found.pk}:lock:0:1"),
        ("lock", f"{found.pk}:lock:1:1"),
        ("fail", f"{found.pk}:fail:0:1"),
        ("unlock", f"{found.pk}:lock:1:1:undo"),
        ("unlock", f"{found.pk}:lock:0:1:undo"),
    ]
    assert [ctx.item for ctx in world.contexts] == ["x", "y", None, "y", "x"]


def test_a_tolerated_item_is_undone_at_once_beside_the_forward_side_and_past_the_pivot(world: World) -> None:
    seen: list[Any] = []
    world.script("lock", {"n": 0}, Abort("half of it", done="half"))
    world.script("unlock", RetryLater("busy", after=HOUR))
    table = saga(
        "order",
        each("lines", step(world.lock, compensation=world.unlock, retry=ONCE), max_failures=1, concurrency=1),
        step(lambda ctx: seen.extend(ctx.results["lines"]), name="pay", pivot=True),
    )
    found = world.start(table, {"lines": [0, 1, 2]})
    world.work(found)
    found.refresh_from_db()
    assert (found.committed_at is not None, found.state) == (True, "running")
    assert seen == [{"n": 0}, FAILED, {"from": "lock"}]
    assert world.run_through(found).state == "completed"
    assert sorted(world.called) == ["lock", "lock", "lock", "unlock", "unlock"]
    assert world.contexts[-1].action.result == "half"


def test_with_one_failure_more_no_further_item_begins_and_the_saga_turns_back(world: World) -> None:
    world.script("lock", 0, Abort("no"), 2, Abort("no"))
    found = world.run_through(world.start(lines(world, max_failures=1, concurrency=1), {"lines": list(range(9))}))
    assert (found.state, world.called) == ("compensated", ["lock"] * 4 + ["unlock"] * 2)
    assert items(found) == ["succeeded", "failed", "succeeded", "failed"] + ["cancelled"] * 5


def test_a_suspended_item_leaves_its_place_to_the_next_one(world: World) -> None:
    world.script("lock", Unknown("lost"))
    row = each("lines", step(world.lock, compensation=world.unlock, idempotent=False), concurrency=1)
    found = world.run_through(world.start(saga("order", row), {"lines": [0, 1, 2]}))
    assert (found.state, items(found)) == ("stuck", ["unknown", "succeeded", "succeeded"])
    operations.retry(found.pk, actor="ann", reason="again", step="lock", item=0)
    assert world.run_through(found).state == "completed"


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


# Children


def family(world: World, *rows: Row, after: tuple[Row, ...] = (), **options: Any) -> Definition:
    """A parent with one child; both are known."""
    inner = saga("parcel", *rows)
    outer = saga("order", step(world.lock, compensation=world.unlock), child(inner, **options), *after)
    world.knows(inner, outer)
    return outer


def the_child() -> Saga:
    return Saga.objects.get(definition="parcel", parent__isnull=False)


def test_a_child_belongs_to_one_parent_row_and_never_adopts_an_open_saga(world: World) -> None:
    outer = family(world, wait("packed"))
    stranger = operations.start("parcel", None, actor="a test").saga
    found = world.start(outer)
    world.work()
    mine = the_child()
    assert (mine.parent_id, mine.depth, mine.pk != stranger.pk) == (run_of(found, "parcel").pk, 1, True)
    operations.signal(stranger.pk, "packed", {}, actor="bank")
    world.work()
    assert stands(found)[0] == "waiting"
    operations.signal(mine.pk, "packed", {}, actor="bank")
    world.work()
    assert stands(found)[0] == "completed"


@pytest.mark.parametrize("verb", ["refusal", "cancel"])
def test_a_child_that_ends_compensated_or_cancelled_fails_the_row_with_nothing_to_undo(world: World, verb: str) -> None:
    found = world.start(family(world, *members(world, "pack"), wait("packed")))
    world.work()
    if verb == "cancel":
        operations.cancel(the_child().pk, actor="ann", reason="no")
    else:
        operations.compensate(the_child().pk, actor="ann", reason="no")
    world.work()
    row = run_of(found, "parcel")
    assert (row.state, row.happened, row.undo) == ("failed", "no", "unneeded")
    assert (stands(found)[0], world.called) == ("compensated", ["lock", "pack", "unpack", "unlock"])


def with_a_child_given_up(world: World) -> Saga:
    world.script("pack", Unknown("lost"))
    found = world.start(family(world, *members(world, "pack", idempotent=False)))
    world.work()
    operations.give_up(the_child().pk, actor="ann", reason="hopeless")
    world.work()
    return found


def test_a_child_that_ends_failed_is_an_incident_at_the_parent(world: World) -> None:
    found = with_a_child_given_up(world)
    assert stands(found) == ("stuck", [("parcel", "child_failed")])
    operations.retry(the_child().pk, actor="ann", reason="not hopeless")
    world.work()
    assert stands(found) == ("completed", [])


def test_a_stuck_child_makes_the_parent_wait_with_an_incident_that_points_to_it(world: World) -> None:
    world.script("pack", Unknown("lost"))
    found = world.start(family(world, *members(world, "pack", idempotent=False)))
    world.work()
    assert stands(found) == ("waiting", [("parcel", "child_stuck")])
    assert str(the_child().pk) in found.incidents.get().sentence
    operations.retry(the_child().pk, actor="ann", reason="again")
    world.work()
    assert stands(found) == ("completed", [])


def test_turning_the_parent_back_cancels_a_running_child_and_waits_for_its_end(world: World) -> None:
    world.script("unpack", RetryLater("busy", after=HOUR))
    found = world.start(family(world, *members(world, "pack"), wait("packed")))
    world.work()
    operations.cancel(found.pk, actor="ann", reason="no")
    world.work()
    assert (the_child().state, stands(found)[0]) == ("compensating", "compensating")
    assert "unlock" not in world.called
    world.later(HOUR)
    world.work()
    assert (the_child().state, stands(found)[0]) == ("cancelled", "cancelled")
    assert world.called[-2:] == ["unpack", "unlock"]


def test_a_child_past_its_pivot_is_let_complete(world: World) -> None:
    found = world.start(
        family(world, step(world.pay, pivot=True), wait("packed", on_timeout="continue"), no_compensation="it is sent")
    )
    world.work()
    operations.cancel(found.pk, actor="ann", reason="no")
    world.work()
    assert (the_child().state, stands(found)[0]) == ("waiting", "compensating")
    assert "unlock" not in world.called
    operations.signal(the_child().pk, "packed", {}, actor="bank")
    world.work()
    assert (the_child().state, stands(found)[0]) == ("completed", "cancelled")


def test_a_child_told_to_cancel_while_its_pivot_is_open_goes_back_if_that_did_not_happen(world: World) -> None:
    outer = family(world, *members(world, "pack"), step(world.pay, pivot=True), no_compensation="it is sent")
    found = world.start(outer)
    for _ in range(3):
        run = Run.objects.get(work=Work.DUE)
        world.deliver_one(run)
    held = world.attempt(the_child(), "pay")
    operations.cancel(found.pk, actor="ann", reason="no")
    world.work()
    assert the_child().going == "forward"
    world.answer(held, Refused(error="no"))
    world.work()
    assert (the_child().state, stands(found)[0]) == ("cancelled", "cancelled")


def test_compensating_a_completed_child_reopens_it_and_runs_its_own_way_back(world: World) -> None:
    after = (step(world.fail, reads_only=True),)
    world.script("fail", Abort("no"))
    world.script("unpack", Abort("cannot"))
    found = world.start(family(world, *members(world, "pack", "label"), after=after))
    world.work()
    assert (the_child().state, the_child().cause) == ("stuck", "parent")
    assert stands(found) == ("compensating", [("parcel", "child_stuck")])
    operations.retry(the_child().pk, actor="ann", reason="again")
    world.work()
    assert (the_child().state, stands(found)) == ("compensated", ("compensated", []))
    assert world.called == ["lock", "pack", "label", "fail", "unlabel", "unpack", "unpack", "unlock"]


def test_a_childs_end_is_a_due_run_for_its_parent_and_the_parents_cancel_one_for_the_child(world: World) -> None:
    found = world.start(family(world, wait("packed")))
    world.work()
    before = Saga.objects.get(pk=the_child().pk).rev
    operations.cancel(found.pk, actor="ann", reason="no")
    assert the_child().rev == before
    message = Run.objects.get(saga=the_child(), kind="message", work=Work.DUE)
    parent = Saga.objects.get(pk=found.pk).rev
    world.deliver(message)
    assert (the_child().state, Saga.objects.get(pk=found.pk).rev) == ("cancelled", parent)
    news = Run.objects.get(saga=found, kind="message", work=Work.DUE)
    world.deliver(news)
    world.work()
    assert stands(found)[0] == "cancelled"
    assert not Run.objects.filter(kind="message").exists()


def test_a_childs_result_is_that_of_its_last_row(world: World) -> None:
    seen: list[Any] = []
    look = step(lambda ctx: seen.append(ctx.results["parcel"]), name="see", reads_only=True)
    world.start(family(world, *members(world, "pack", "label"), after=(look,)))
    world.work()
    assert seen == [{"saga": str(the_child().pk), "state": "completed", "result": {"from": "label"}}]


def test_a_child_without_a_way_back_is_left_as_it_is(world: World) -> None:
    world.script("fail", Abort("no"))
    after = (step(world.fail, reads_only=True),)
    found = world.start(family(world, *members(world, "pack"), after=after, no_compensation="a trifle"))
    world.work()
    assert (the_child().state, stands(found)[0]) == ("completed", "compensated")
    assert world.called == ["lock", "pack", "fail", "unlock"]


# Local steps


def local(world: World, writes: Any, **options: Any) -> Definition:
    return saga(
        "order",
        step(world.lock, compensation=world.unlock),
        step(writes, name="write", compensation=world.unwrite, local=True, **options),
    )


def notes() -> list[str]:
    return list(Signal.objects.filter(flag="note").values_list("name", flat=True))


def note(ctx: Any, *raises: Exception) -> None:
    """Some work in the same database."""
    Signal.objects.create(
        saga_id=ctx.saga.id, name="note", dedup_id=str(ctx.attempt), payload=None, flag="note", at=clock.now()
    )
    if raises:
        raise raises[0]


def test_a_local_steps_work_is_recorded_in_one_transaction_with_the_record(world: World) -> None:
    found = world.run_through(world.start(local(world, note)))
    assert (found.state, notes()) == ("completed", ["note"])


@pytest.mark.parametrize(
    ("error", "known", "state"),
    [
        (Abort("no"), "no", "compensated"),
        (RetryLater("busy"), "no", "compensated"),
        (ValueError("oops"), "no", "compensated"),
        (Unknown("lost"), "no", "compensated"),
    ],
)
def test_abort_and_exceptions_roll_the_savepoint_back_and_are_recorded_and_it_is_never_maybe(
    world: World, error: Exception, known: str, state: str
) -> None:
    found = world.run_through(world.start(local(world, lambda ctx: note(ctx, error), retry=ONCE)))
    assert (found.state, run_of(found, "write").happened, notes()) == (state, known, [])
    assert world.called == ["lock", "unlock"]
    assert run_of(found, "write").error


def test_a_dead_token_rolls_a_local_steps_work_back_and_nothing_came_late(world: World) -> None:
    found = world.start(local(world, note))
    world.deliver_one(run_of(found, "lock"))
    held = world.attempt(found, "write")
    world.lose(held)
    recorded = engine._record_local(held, world.worker, go_on=False)
    assert (recorded.late, notes(), run_of(found, "write").happened) == (True, [], "no")
    assert world.run_through(found).state == "completed"
    assert notes() == ["note"]


def test_a_local_step_turned_back_while_it_worked_is_done_and_undone(world: World) -> None:
    found = world.start(local(world, note))
    world.deliver_one(run_of(found, "lock"))
    held = world.attempt(found, "write")
    operations.cancel(found.pk, actor="ann", reason="no")
    engine._record_local(held, world.worker, go_on=False)
    assert (notes(), run_of(found, "write").happened) == (["note"], "yes")
    assert world.run_through(found).state == "cancelled"
    assert world.called == ["lock", "unwrite", "unlock"]


def conflict() -> OperationalError:
    cause = Exception("could not serialize access")
    cause.sqlstate = "40001"  # type: ignore[attr-defined]
    error = OperationalError("could not serialize access")
    error.__cause__ = cause
    return error


def test_serialization_failures_are_tried_again_at_once_and_are_no_attempt(world: World) -> None:
    attempts: list[int] = []

    def write(ctx: Any) -> None:
        attempts.append(ctx.attempt)
        note(ctx, *([conflict()] if len(attempts) < 3 else []))

    found = world.start(local(world, write, retry=ONCE))
    world.work(found)
    assert (stands(found)[0], attempts, notes()) == ("completed", [1, 1, 1], ["note"])


def test_a_local_step_can_neither_send_heartbeats_nor_call_services(world: World) -> None:
    for wish in (lambda ctx: ctx.heartbeat(), lambda ctx: ctx.service("bank")):
        found = world.run_through(world.start(local(world, wish, retry=ONCE)))
        assert (found.state, "local step" in run_of(found, "write").error) == ("compensated", True)


def test_a_local_compensation_is_one_transaction_too(world: World) -> None:
    def unwrite(ctx: Any) -> None:
        note(ctx, *([RetryLater("busy")] if ctx.attempt == 1 else []))

    world.script("fail", Abort("no"))
    table = saga("order", step(world.write, compensation=unwrite, local=True), step(world.fail, reads_only=True))
    found = world.run_through(world.start(table))
    assert (found.state, notes()) == ("compensated", ["note"])


def test_a_lost_local_attempt_is_tried_again_under_the_same_key(world: World) -> None:
    found = world.start(local(world, world.write))
    world.deliver_one(run_of(found, "lock"))
    held = world.attempt(found, "write")
    world.answer(held, Lost(error="lost"))
    assert run_of(found, "write").happened == "no"
    assert world.run_through(found).state == "completed"
    assert world.calls[-1] == ("write", held.run.key)


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
