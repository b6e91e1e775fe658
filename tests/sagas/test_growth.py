"""Long sagas: a step costs the same at the begin and at the end of a list of thousands, forward and on the way back."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest
from django.db import connection

from sagas import Abort, each, parallel, saga, step
from sagas.models import Run, Saga, Work
from tests.sagas.world import World

pytestmark = pytest.mark.django_db


@dataclass
class Cost:
    """What a delivery of one step cost the database."""

    statements: int = 0
    rows: int = 0
    """Rows of step runs that were read into memory."""
    written: int = 0
    """Bytes of parameters, the largest statement's."""
    seen: list[str] = field(default_factory=list)


@contextmanager
def counted(monkeypatch: pytest.MonkeyPatch) -> Iterator[Cost]:
    """The statements of this block, their parameters, and the runs that were read."""
    cost = Cost()
    real = Run.from_db.__func__  # type: ignore[attr-defined]

    def watch(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        cost.statements += 1
        cost.written = max(cost.written, len(repr(params)))
        cost.seen.append(sql)
        return execute(sql, params, many, context)

    def from_db(cls: type[Run], db: Any, names: Any, values: Any) -> Run:
        cost.rows += 1
        return real(cls, db, names, values)

    with monkeypatch.context() as patch, connection.execute_wrapper(watch):
        patch.setattr(Run, "from_db", classmethod(from_db))
        yield cost


def one_more(world: World, found: Saga, monkeypatch: pytest.MonkeyPatch) -> Cost:
    """What the next attempt that is due costs, alone."""
    due = Run.objects.filter(saga=found, work=Work.DUE).order_by("id").first()
    assert due is not None
    with counted(monkeypatch) as cost:
        world.deliver_one(due)
    return cost


def go_on(world: World, found: Saga, attempts: int) -> None:
    """So many attempts, one by one."""
    for _ in range(attempts):
        due = Run.objects.filter(saga=found, work=Work.DUE).order_by("id").first()
        assert due is not None
        world.deliver_one(due)


def costs(world: World, found: Saga, monkeypatch: pytest.MonkeyPatch, *, at: tuple[int, int]) -> tuple[Cost, Cost]:
    """What an attempt costs at two places, counted in attempts from here."""
    early, late = at
    go_on(world, found, early)
    first = one_more(world, found, monkeypatch)
    go_on(world, found, late - early - 1)
    return first, one_more(world, found, monkeypatch)


def are_alike(early: Cost, late: Cost) -> None:
    assert late.statements <= early.statements
    assert late.rows <= early.rows + 1
    assert late.written <= early.written + 200


def lines(world: World, **options: Any) -> Any:
    return each("lines", step(world.lock, compensation=world.unlock), **options)


@pytest.mark.only_on("sqlite")  # what is counted here does not depend on the database, and 2,000 items take a minute
@pytest.mark.parametrize(("compensate", "items"), [("sequence", 2000), ("parallel", 300)])
def test_an_item_costs_the_same_at_the_begin_and_at_the_end_of_a_long_list_forward_and_back(
    world: World, monkeypatch: pytest.MonkeyPatch, compensate: Any, items: int
) -> None:
    world.script("last", Abort("no"))
    table = saga("long", lines(world, compensate=compensate), step(world.last, reads_only=True))
    found = world.start(table, {"lines": list(range(items))})
    go_on(world, found, 1)
    are_alike(*costs(world, found, monkeypatch, at=(100, items - 100)))
    go_on(world, found, 99)
    found.refresh_from_db()
    turning = one_more(world, found, monkeypatch)
    assert (turning.statements < 40, turning.rows < 40) == (True, True)
    are_alike(*costs(world, found, monkeypatch, at=(100, items - 100)))
    go_on(world, found, 99)
    found.refresh_from_db()
    assert (found.state, world.called.count("lock"), world.called.count("unlock")) == ("compensated", items, items)


def test_a_row_costs_the_same_at_the_begin_and_at_the_end_of_a_table_of_two_hundred(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.script("last", Abort("no"))
    rows = (step(world.function(f"s{n}"), compensation=world.undo) for n in range(200))
    found = world.start(saga("long", *rows, step(world.last, reads_only=True)))
    are_alike(*costs(world, found, monkeypatch, at=(10, 190)))
    go_on(world, found, 9)
    go_on(world, found, 1)
    are_alike(*costs(world, found, monkeypatch, at=(10, 190)))
    go_on(world, found, 9)
    found.refresh_from_db()
    assert (found.state, world.called.count("undo")) == ("compensated", 200)


@pytest.mark.parametrize("compensate", ["sequence", "parallel"])
def test_a_member_costs_the_same_at_the_begin_and_at_the_end_of_a_group_of_two_hundred(
    world: World, monkeypatch: pytest.MonkeyPatch, compensate: Any
) -> None:
    world.script("last", Abort("no"))
    members = (step(world.function(f"m{n}"), compensation=world.undo) for n in range(200))
    found = world.start(saga("wide", parallel(*members, compensate=compensate), step(world.last, reads_only=True)))
    are_alike(*costs(world, found, monkeypatch, at=(10, 190)))
    go_on(world, found, 9)
    go_on(world, found, 1)
    early, late = costs(world, found, monkeypatch, at=(10, 190))
    are_alike(early, late)
    assert early.rows < 20
    go_on(world, found, 9)
    found.refresh_from_db()
    assert (found.state, world.called.count("undo")) == ("compensated", 200)


def test_failed_items_that_are_tolerated_cost_the_same_at_the_begin_and_at_the_end(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def lock(ctx: Any) -> None:
        raise Abort("half of it", done=ctx.item)

    table = saga("long", each("lines", step(lock, compensation=world.unlock), max_failures=400))
    found = world.start(table, {"lines": list(range(400))})
    go_on(world, found, 1)
    early, late = costs(world, found, monkeypatch, at=(20, 380))
    are_alike(early, late)


def test_the_journal_and_the_position_do_not_grow_with_the_items(world: World) -> None:
    found = world.start(saga("long", lines(world)), {"lines": list(range(300))})
    go_on(world, found, 20)
    found.refresh_from_db()
    early = len(repr(found.position))
    go_on(world, found, 270)
    found.refresh_from_db()
    assert len(repr(found.position)) <= early + 5
