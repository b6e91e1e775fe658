"""Going forward: rows, groups and lists; the contract, sentence by sentence."""

from datetime import timedelta
from typing import Any

import pytest

from sagas import (
    FAILED,
    Abort,
    Retry,
    RetryLater,
    each,
    operations,
    parallel,
    saga,
    step,
)
from sagas.errors import Unknown
from sagas.models import Journal, Run, Saga, Work
from sagas.words.definition import Definition
from sagas.words.outcome import Refused
from tests.sagas.orders import members, stands
from tests.sagas.world import World, run_of

pytestmark = pytest.mark.django_db

HOUR = timedelta(hours=1)
ONCE = Retry(attempts=1)


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


def test_a_suspended_item_that_comes_back_takes_the_place_of_the_next_one(world: World) -> None:
    world.script("lock", Unknown("lost"))
    row = each("lines", step(world.lock, compensation=world.unlock, idempotent=False), concurrency=1)
    found = world.start(saga("order", row), {"lines": [0, 1, 2, 3]})
    world.deliver_one(run_of(found, "lines"))
    world.deliver_one(Run.objects.get(saga=found, path="lock", item=0))
    operations.retry(found.pk, actor="ann", reason="again", step="lock", item=0)
    at_work = Run.objects.filter(saga=found, path="lock", work=Work.DUE).order_by("item")
    assert [run.item for run in at_work] == [0, 1]
    world.deliver_one(at_work[0])
    assert [run.item for run in at_work.all()] == [1]
    assert world.run_through(found).state == "completed"
