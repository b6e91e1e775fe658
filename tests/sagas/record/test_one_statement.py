"""On PostgreSQL a turn is one statement, decided without the lock; the lock is taken where that does not hold."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.db.models import F
from django.test import override_settings
from django.test.utils import CaptureQueriesContext

from sagas import Abort, approval, each, operations, parallel, saga, sleep, step, wait
from sagas.engine import delivery
from sagas.models import Journal, Run, Saga
from sagas.record import attempts, guess, postgres, sharing
from sagas.words.definition import Definition
from sagas.words.outcome import Succeeded
from tests.sagas.world import World, run_of

pytestmark = [pytest.mark.django_db, pytest.mark.only_on("postgresql")]


def flow(world: World, name: str = "flow", steps: int = 5) -> Definition:
    return saga(name, *(step(world.function(f"s{n}"), compensation=world.function(f"u{n}")) for n in range(steps)))


def statements_of(act: Callable[[], Any]) -> list[str]:
    """The statements that read or write, and one entry for each commit."""
    with CaptureQueriesContext(connection) as queries:
        act()
    return [query["sql"].lstrip() for query in queries if not query["sql"].startswith("RELEASE")]


def kinds(statements: list[str]) -> list[str]:
    words = {"SELECT": "read", "WITH": "write", "SAVEPOINT": "commit"}
    return [words.get(statement.split()[0], statement) for statement in statements]


def test_a_saga_that_goes_well_costs_one_statement_a_step_and_two_for_its_claim(world: World) -> None:
    found = world.start(flow(world))
    run = Run.objects.get(saga=found)
    done = kinds(statements_of(lambda: delivery.deliver(run.pk, run.fence, world.worker)))
    assert done == ["read", *["commit", "write"] * 6]
    assert Saga.objects.get(pk=found.pk).state == "completed"


def test_the_way_back_costs_one_statement_a_step_and_one_look_at_the_stack(world: World) -> None:
    world.script("s3", Abort("no"))
    found = world.start(flow(world))
    run = Run.objects.get(saga=found)
    done = kinds(statements_of(lambda: delivery.deliver(run.pk, run.fence, world.worker)))
    assert done == ["read", *["commit", "write"] * 4, "read", *["commit", "write"] * 4]
    assert Saga.objects.get(pk=found.pk).state == "compensated"
    assert world.called == ["s0", "s1", "s2", "s3", "u2", "u1", "u0"]


def test_a_start_is_one_statement_and_so_are_sixty_four(world: World) -> None:
    world.knows(table := flow(world))
    assert kinds(statements_of(lambda: operations.start(table.name, actor="ann"))) == ["write"]
    many = statements_of(lambda: operations.start_many(table.name, [None] * 64, actor="ann"))
    assert (kinds(many), Saga.objects.count()) == (["write"], 65)


def side_by_side(world: World) -> Definition:
    members = (step(world.function(f"s{n}"), compensation=world.function(f"u{n}")) for n in range(1, 4))
    after = step(world.function("s4"), compensation=world.function("u4"))
    return saga("side", step(world.function("s0"), compensation=world.function("u0")), parallel(*members), after)


def a_list(world: World) -> Definition:
    item = step(world.function("s2"), compensation=world.function("u2"))
    rows = each("lines", item, items=lambda ctx: ["a", "b", "c", "d"], concurrency=2)
    return saga(
        "list",
        step(world.function("s0"), compensation=world.function("u0")),
        rows,
        step(world.function("s4"), reads_only=True),
    )


def test_a_member_beside_others_costs_a_look_for_another_and_one_statement(world: World) -> None:
    found = world.start(side_by_side(world))
    run = Run.objects.get(saga=found)
    done = kinds(statements_of(lambda: delivery.deliver(run.pk, run.fence, world.worker)))
    alone, beside = ["commit", "write"], ["read", "commit", "write"]
    assert done == [*beside, *alone, *beside, *beside, *alone, *alone]
    assert world.called == ["s0", "s1", "s2", "s3", "s4"]


def test_an_item_of_a_list_costs_a_look_for_the_next_and_one_statement(world: World) -> None:
    found = world.start(a_list(world))
    for path in ("s0", "lines"):
        world.deliver_one(run_of(found, path))
    run = Run.objects.filter(saga=found, path="s2", work="due").earliest("id")
    with override_settings(SAGAS={"SLICE_STEPS": 2}):
        done = kinds(statements_of(lambda: delivery.deliver(run.pk, run.fence, world.worker)))
    assert done == ["read", "commit", "write", *["read", "commit", "write"] * 2]


def patient(world: World) -> Definition:
    rows = (step(world.function(f"s{n}"), compensation=world.function(f"u{n}")) for n in range(5))
    first, second, third, fourth, fifth = rows
    waits = (sleep(timedelta(hours=1), name="night"), wait("news", timeout=timedelta(hours=1), on_timeout="continue"))
    return saga("patient", first, waits[0], second, third, waits[1], fourth, approval("chief"), fifth)


def test_a_row_that_waits_costs_no_more_than_a_step_and_a_look_for_what_came_before(world: World) -> None:
    run = Run.objects.get(saga=world.start(saga("waits", step(world.s0, reads_only=True), wait("news"))))
    done = kinds(statements_of(lambda: delivery.deliver(run.pk, run.fence, world.worker)))
    assert done == ["read", "commit", "write", "read", "commit", "write"]
    waiting = run_of(run.saga, "news")
    assert (waiting.work, waiting.at - waiting.since, waiting.saga.state) == ("waiting", timedelta(days=1), "waiting")


def test_what_was_told_before_it_was_waited_for_is_taken_at_once(world: World) -> None:
    found = world.start(saga("waits", step(world.s0, reads_only=True), wait("news")))
    operations.signal(found.pk, "news", {"n": 1}, actor="ann")
    assert world.run_through(found).state == "completed"
    assert run_of(found, "news").result == {"n": 1}


@pytest.mark.parametrize("table", [flow, side_by_side, a_list, patient])
@pytest.mark.parametrize("refused", [None, "s0", "s2", "s4"])
def test_what_is_written_is_what_the_lock_would_have_written(
    world: World, refused: str | None, table: Callable[[World], Definition]
) -> None:
    def told(found: Saga) -> Any:
        hidden = {"id", "saga_id", "worker", "position", *postgres.CLOCKS}
        rows = [
            {name: value for name, value in row.items() if name not in hidden}
            | {f"{name} is set": row[name] is not None for name in postgres.CLOCKS}
            for row in Run.objects.filter(saga=found).order_by("id").values()
        ]
        journal = list(Journal.objects.filter(saga=found).values_list("rev", "moves"))
        for _, moves in journal:
            for move in moves:
                move.pop("token", None)
        kept = ("state", "going", "cause", "failure", "rev", "decisions", "next_seq", "position", "holds_key")
        return rows, journal, Saga.objects.filter(pk=found.pk).values(*kept).get()

    world.knows(known := table(world))
    stories = []
    for one_statement in (True, False):
        if refused:
            world.script(refused, Abort("no", done=None) if refused == "s2" else Abort("no"))
        with override_settings(SAGAS={"ONE_STATEMENT": one_statement}):
            found = operations.start(known.name, {"n": 1}, actor="ann", labels={"a": "b"}).saga
            world.run_through(found)
        stories.append(told(found))
    assert stories[0] == stories[1]


def test_every_time_is_the_databases_and_memory_has_it(world: World) -> None:
    held = world.attempt(world.start(flow(world)), "s0")
    assert (held.saga.updated_at, held.run.ends_at) == (
        Saga.objects.get(pk=held.saga.pk).updated_at,
        Run.objects.get(pk=held.run.pk).ends_at,
    )
    recorded = attempts.record(held, Succeeded(result={"n": 1}), world.worker, go_on=True)
    assert recorded.next is not None
    stored = Run.objects.get(pk=recorded.next.run.pk)
    assert {name: getattr(stored, name) for name in postgres.CLOCKS} == {
        name: getattr(recorded.next.run, name) for name in postgres.CLOCKS
    }
    assert Journal.objects.filter(saga=held.saga.pk).latest("rev").at == stored.started_at


def test_a_guess_about_a_saga_that_was_touched_since_changes_nothing(world: World) -> None:
    held = world.attempt(world.start(flow(world)), "s0")
    operations.pause(held.saga.pk, actor="ann", reason="wait")
    before = list(Run.objects.values()), list(Journal.objects.values())
    with pytest.raises(guess.TakeTheLock), guess.guess(held.saga, held.run, "me", held.now) as t:
        attempts._moved_on(t, t.subject, Succeeded(), world.worker, True)
    assert (list(Run.objects.values()), list(Journal.objects.values())) == before
    assert attempts.record(held, Succeeded(), world.worker, go_on=True).next is None
    assert (run_of(held.saga, "s0").state, run_of(held.saga, "s1").work) == ("succeeded", "due")


def test_half_an_effect_is_none(world: World) -> None:
    """The saga is as it was read, and the run is not: nobody writes that, and if somebody does, nothing is."""
    held = world.attempt(world.start(flow(world)), "s0")
    Run.objects.filter(pk=held.run.pk).update(fence=held.run.fence + 1)
    with pytest.raises(guess.TakeTheLock), guess.guess(held.saga, held.run, "me", held.now) as t:
        attempts._moved_on(t, t.subject, Succeeded(), world.worker, True)
    assert Saga.objects.get(pk=held.saga.pk).rev == held.saga.rev
    assert Run.objects.filter(saga=held.saga.pk).count() == 1


def test_who_was_overtaken_by_a_sibling_decides_anew_and_takes_no_lock(world: World) -> None:
    found = world.start(side_by_side(world))
    world.deliver_one(run_of(found, "s0"))
    held = [world.attempt(found, path) for path in ("s1", "s2", "s3")]
    for one in held[1:]:
        world.record(one)
    done = kinds(statements_of(lambda: world.record(held[0])))
    assert done == ["commit", "write", "read", "commit", "write"]
    assert run_of(found, "s4").work == "due"


def test_a_worker_that_is_overtaken_again_and_again_takes_the_lock(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    held = world.attempt(world.start(flow(world)), "s0")
    seen: list[int] = []

    def overtaken(change: postgres.Change) -> None:
        seen.append(change.saga.rev)
        Saga.objects.filter(pk=change.saga.pk).update(rev=F("rev") + 1)

    monkeypatch.setattr(sharing, "write", overtaken)
    world.record(held, {"n": 1})
    assert seen == [held.saga.rev, held.saga.rev + 1, held.saga.rev + 2]
    assert run_of(held.saga, "s0").result == {"n": 1}


def test_what_is_read_later_than_what_is_remembered_decides_nothing(world: World) -> None:
    """The next item was called off since: with what the worker remembers it would begin, which no machine allows."""
    found = world.start(a_list(world))
    for path in ("s0", "lines"):
        world.deliver_one(run_of(found, path))
    held = world.attempt(found, "s2")
    operations.cancel(found.pk, actor="ann", reason="wrong customer")
    recorded = world.answer(held, Succeeded(result={"n": 1}))
    assert not recorded.late
    assert set(Run.objects.filter(saga=found, path="s2", item__gt=0).values_list("state", flat=True)) == {"cancelled"}
    assert world.run_through(found).state == "cancelled"
