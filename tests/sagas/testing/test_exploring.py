"""Every place at which a worker can die, found by the kit itself; and that it finds what is broken."""

from datetime import timedelta
from typing import Any

import pytest
from django.db.models import F

from sagas import Abort, Retry, approval, child, each, parallel, saga, step, wait
from sagas.models import Journal, Run, Saga
from sagas.testing import Story, StoryFailed, answers_late, crashes, duplicates, explore, fails, times_out
from sagas.words.definition import Definition
from tests.sagas.testing.shop import (
    ORDER,
    Order,
    charge,
    check_user,
    find_charge,
    lock_stock,
    order,
    pack,
    parent_order,
    refund,
    release_stock,
    shipping,
    slow_order,
    unpack,
)

pytestmark = pytest.mark.django_db

NOTHING = {"*": {}}
LINES = {**ORDER, "lines": ["a", "b"]}
DECLINED = fails("charge", Abort("declined"))


def test_an_order_ends_the_same_wherever_its_worker_dies() -> None:
    found = explore(order, input=ORDER, steps=NOTHING)
    assert list(found.ends) == ["completed"]
    assert "the worker died when charge had done its work, unrecorded" in found.ends["completed"]
    assert "the worker died after the commit of: the saga completed" in found.ends["completed"]


@pytest.mark.parametrize(
    ("table", "cue", "end"),
    [
        (order, [DECLINED], "compensated"),
        (order, [times_out("charge")], "completed"),
        (order, [answers_late("charge"), duplicates("lock_stock")], "completed"),
        (slow_order, [fails("pack", Abort("broken"), item=1)], "compensated"),
        (parent_order, [DECLINED], "compensated"),
        (parent_order, [fails("pack", Abort("broken"))], "compensated"),
        (
            saga(
                "race",
                step(lock_stock, compensation=release_stock),
                parallel(step(pack, compensation=unpack), step(charge, compensation=refund), join=1),
                step(check_user, reads_only=True),
                input=Order,
            ),
            [],
            "completed",
        ),
        (
            saga(
                "lenient",
                each("lines", step(pack, compensation=unpack), max_failures=1, compensate="parallel"),
                step(charge, compensation=refund, probe=find_charge),
                input=Order,
            ),
            [fails("pack", Abort("broken"), item=0), DECLINED],
            "compensated",
        ),
        (
            saga(
                "pivot",
                step(lock_stock, compensation=release_stock),
                step(charge, no_compensation="never", pivot=True),
                step(check_user, reads_only=True, retry=Retry(attempts=None)),
                wait("paid", on_timeout="continue"),
                input=Order,
            ),
            [times_out("charge", "before")],
            "completed",
        ),
        (
            saga(
                "here",
                step(lock_stock, compensation=release_stock, local=True),
                step(pack, compensation=unpack, local=True),
                step(charge, compensation=refund, when=lambda ctx: True),
                input=Order,
            ),
            [DECLINED],
            "compensated",
        ),
        (
            saga(
                "wrong_way",
                step(lock_stock, compensation=release_stock),
                parallel(child(shipping), approval("sure"), name="both"),
                step(charge, compensation=refund),
                deadline=timedelta(days=3),
                on_compensation_stuck="continue",
                input=Order,
            ),
            [DECLINED],
            "compensated",
        ),
    ],
    ids=lambda value: value.name if isinstance(value, Definition) else None,
)
def test_every_kind_of_row_survives_every_crash(table: Definition, cue: list[Any], end: str) -> None:
    assert list(explore(table, *cue, input=LINES, steps=NOTHING).ends) == [end]


def test_two_crashes() -> None:
    table = saga("two", step(lock_stock, compensation=release_stock), step(charge, compensation=refund), input=Order)
    found = explore(table, DECLINED, input=ORDER, steps=NOTHING, pairs=True)
    assert list(found.ends) == ["compensated"]
    assert any("; the worker died" in wreck for wreck in found.ends["compensated"])


def test_a_step_that_must_not_be_repeated_is_left_to_a_person_where_its_worker_died_in_it() -> None:
    table = saga("once", step(charge, compensation=refund, idempotent=False), input=Order)
    found = explore(table, input=ORDER, steps=NOTHING)
    assert set(found.ends) == {"completed", "stuck (outcome_unknown)"}
    assert "stuck (outcome_unknown): the worker died when charge had done its work, unrecorded" in str(found)


def test_the_callers_own_check_is_held_against_every_end() -> None:
    seen: list[str] = []

    def check(run: Story) -> None:
        seen.append(run.saga.state)
        assert len(run.calls) < 3, "It was called too often."

    with pytest.raises(StoryFailed, match=r"Crash 4, the worker died when charge .*\. It was called too often"):
        explore(saga("one", step(charge, compensation=refund)), crashes("charge"), steps=NOTHING, check=check)
    assert set(seen) == {"completed"}


# What it finds: the functions below break the saga from within, as a broken engine would.


def rows(ctx: Any, path: str) -> Any:
    return Run.objects.filter(saga_id=ctx.saga.id, path=path)


def journal(ctx: Any, *moves: dict[str, Any]) -> None:
    row = Journal.objects.filter(saga_id=ctx.saga.id).latest("rev")
    row.moves += moves
    row.save()


def lose_the_way_back(ctx: Any) -> None:
    rows(ctx, "lock_stock").update(undo="unneeded")
    raise Abort("no")


def undo_on_the_way(ctx: Any) -> None:
    rows(ctx, "lock_stock").update(undo="done")


def succeed_twice(ctx: Any) -> None:
    journal(ctx, {"step": "lock_stock", "item": 0, "did": "succeeded"})


def undo_twice(ctx: Any) -> None:
    journal(ctx, {"step": "lock_stock", "item": 0, "did": "undone"})
    raise Abort("no")


def jump(ctx: Any) -> None:
    journal(ctx, {"saga": "pending"})


def jump_in_a_row(ctx: Any) -> None:
    journal(ctx, {"step": "lock_stock", "item": 0, "did": "oops", "state": "due", "undo": "owed"})


def change_the_input(ctx: Any) -> None:
    Saga.objects.filter(pk=ctx.saga.id).update(input={**ORDER, "amount": ctx.input.amount + 1})
    raise ConnectionError("lost")


def change_the_key(ctx: Any) -> None:
    rows(ctx, "charge").update(generation=2 if ctx.attempt == 1 else 1)
    raise ConnectionError("lost")


def swap(ctx: Any) -> None:
    """The two steps before this one have begun the other way round, for as long as the saga goes back."""
    first, second = rows(ctx, "lock_stock"), rows(ctx, "pack")
    was = first.get().seq, second.get().seq
    first.update(seq=was[1])
    second.update(seq=was[0])
    Saga.objects.filter(pk=ctx.saga.id).update(rev=F("rev") + 1)  # or the worker trusts what it remembers


def swap_and_refuse(ctx: Any) -> None:
    swap(ctx)
    raise Abort("no")


def stop_the_clock(ctx: Any) -> None:
    rows(ctx, "paid").update(work=None, at=None)


@pytest.mark.parametrize(
    ("charge", "sentence"),
    [
        (lose_the_way_back, "what lock_stock did is still there"),
        (undo_on_the_way, "The saga completed, and lock_stock is undone"),
        (succeed_twice, "lock_stock succeeded 2 times"),
        (undo_twice, "lock_stock undone 2 times"),
        (jump, "The saga went from running to pending"),
        (jump_in_a_row, "lock_stock went from succeeded to due"),
        (change_the_input, "change_the_input of charge was called under one key with different input"),
        (change_the_key, "charge was called under 2 keys in one generation"),
        (swap_and_refuse, "Undone in the order lock_stock, pack, and .* it must be pack, lock_stock"),
        (stop_the_clock, "Nothing would ever move this saga again"),
    ],
)
def test_what_is_broken_is_found_and_told_with_the_timeline(charge: Any, sentence: str) -> None:
    table = saga(
        "broken",
        step(lock_stock, compensation=release_stock),
        step(pack, compensation=unpack),
        parallel(step(charge, name="charge", no_compensation="it breaks things"), wait("paid")),
        input=Order,
    )
    last_to_be_undone = swap if charge is swap_and_refuse else None
    answers = {"lock_stock": {}, "release_stock": None, "unpack": last_to_be_undone}
    with pytest.raises(StoryFailed, match=sentence) as failed:
        explore(table, input=ORDER, steps=answers)
    assert str(failed.value).startswith("Without a crash: ")
    assert "the saga is started by a test" in str(failed.value)
