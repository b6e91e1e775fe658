"""Every place at which a worker can die, found by the kit itself; and that it finds what is broken."""

from datetime import timedelta
from typing import Any

import pytest

from sagas import Abort, Retry, approval, child, each, parallel, saga, sleep, step, wait
from sagas.definition import Definition
from sagas.models import Journal, Run, Saga
from sagas.testing import Story, StoryFailed, crashes, explore, fails, times_out
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
                parallel(child(shipping), sleep(timedelta(hours=1), name="nap"), approval("sure", remind=timedelta(1))),
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


def lose_the_way_back(ctx: Any) -> None:
    Run.objects.filter(saga_id=ctx.saga.id, path="lock_stock").update(undo="unneeded")
    raise Abort("no")


def succeed_twice(ctx: Any) -> None:
    row = Journal.objects.filter(saga_id=ctx.saga.id).latest("rev")
    row.moves += [move for move in row.moves if move.get("did") == "succeeded"]
    row.save()


def jump(ctx: Any) -> None:
    row = Journal.objects.filter(saga_id=ctx.saga.id).latest("rev")
    row.moves += [{"saga": "pending"}]
    row.save()


def change_the_input(ctx: Any) -> None:
    saga_ = Saga.objects.get(pk=ctx.saga.id)
    Saga.objects.filter(pk=ctx.saga.id).update(input={**saga_.input, "amount": saga_.input["amount"] + 1})
    raise ConnectionError("lost")


@pytest.mark.parametrize(
    ("charge", "sentence"),
    [
        (lose_the_way_back, "what lock_stock did is still there"),
        (succeed_twice, "lock_stock succeeded 2 times"),
        (jump, "no arrow leads there"),
        (change_the_input, "change_the_input of charge was called under one key with different input"),
    ],
)
def test_what_is_broken_is_found_and_told_with_the_timeline(charge: Any, sentence: str) -> None:
    table = saga(
        "broken",
        step(lock_stock, compensation=release_stock),
        step(charge, name="charge", compensation=refund),
        input=Order,
    )
    answers = {"lock_stock": {}, "release_stock": None, "refund": None}
    with pytest.raises(StoryFailed, match=sentence) as failed:
        explore(table, input=ORDER, steps=answers)
    assert str(failed.value).startswith("Without a crash: ")
    assert "the saga is started by a test" in str(failed.value)
