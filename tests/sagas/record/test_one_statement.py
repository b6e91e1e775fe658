"""On PostgreSQL a turn is one statement, decided without the lock; the lock is taken where that does not hold."""

from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from django.test import override_settings
from django.test.utils import CaptureQueriesContext

from sagas import Abort, operations, parallel, saga, step
from sagas.engine import delivery
from sagas.models import Journal, Run, Saga
from sagas.record import attempts, guess, postgres
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


@pytest.mark.parametrize("refused", [None, "s0", "s2", "s4"])
def test_what_is_written_is_what_the_lock_would_have_written(world: World, refused: str | None) -> None:
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

    world.knows(table := flow(world))
    stories = []
    for one_statement in (True, False):
        if refused:
            world.script(refused, Abort("no", done=None) if refused == "s2" else Abort("no"))
        with override_settings(SAGAS={"ONE_STATEMENT": one_statement}):
            found = operations.start(table.name, {"n": 1}, actor="ann", labels={"a": "b"}).saga
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


def test_a_group_takes_the_lock(world: World) -> None:
    side = parallel(*(step(world.function(f"m{n}"), compensation=world.undo) for n in range(2)))
    found = world.run_through(world.start(saga("side", side, step(world.last, reads_only=True))))
    assert found.state == "completed"
    assert sorted(world.called) == ["last", "m0", "m1"]
