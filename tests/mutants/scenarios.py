"""Small stories that end well, and must not with the mistake that each is for: `told(name)` tells one."""

import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import timedelta
from typing import Any

from django.db import connection
from django.test import override_settings

from sagas import Abort, Retry, RetryLater, operations, parallel, saga, step
from sagas.engine.letting_go import let_go_all
from sagas.engine.sweep import sweep
from sagas.errors import NotAllowed
from sagas.models import Run, Saga
from sagas.operations import holding
from sagas.record import attempts, clock, holds, postgres
from sagas.record.locked import turn
from sagas.record.settle import settle
from sagas.words.outcome import Succeeded
from tests.sagas.world import World, a_world, due_back, run_of

AS = {"actor": "ann", "reason": "because"}
Scenario = Callable[[World], None]
SCENARIOS: dict[str, Scenario] = {}
PATIENCE = 60
"""Seconds for what must come to pass."""


def scenario(tell: Scenario) -> Scenario:
    SCENARIOS[tell.__name__.replace("_", " ")] = tell
    return tell


def told(name: str) -> None:
    """Tell that story. Raises `AssertionError`, or whatever breaks."""
    with a_world() as world:
        SCENARIOS[name](world)


def charged(world: World, **options: Any) -> Saga:
    """A saga with a charge and a shipment, not begun to be worked on."""
    return world.start(
        saga("order", step(world.charge, compensation=world.refund, **options), step(world.ship, reads_only=True))
    )


@scenario
def poison(world: World) -> None:
    found = charged(world)
    for _ in range(4):
        run = run_of(found, "charge")
        if run.work == "due":
            world.lose(world.claim(run))
    run = run_of(found, "charge")
    assert (run.held, run.crashes) == (True, 3), "A step that kills its process is tried for ever."


@scenario
def a_zombie_after_its_compensation(world: World) -> None:
    found = charged(world)
    zombie = world.attempt(found, "charge")
    operations.cancel(found.pk, **AS)
    world.lose(zombie)
    world.script("refund", Abort("nothing to refund"))
    world.work(found)
    operations.retry(found.pk, **AS)
    world.record(zombie, "landed")
    world.run_through(found)
    keys = world.keys("refund")
    assert len(keys) == len(set(keys)) == 2, f"What landed late was undone under {keys}."


@scenario
def a_skip_that_is_undone(world: World) -> None:
    found = charged(world, idempotent=False)
    world.script("charge", Exception("lost"))
    world.work()
    operations.skip(found.pk, step="charge", **AS)
    world.script("ship", Abort("no"))
    world.run_through(found)
    assert "refund" in world.called, "A step that was skipped in doubt was not undone."


@scenario
def an_edit_in_doubt(world: World) -> None:
    found = charged(world, retry=Retry(attempts=1), on_exhausted="suspend")
    world.script("charge", Exception("lost"))
    world.work()
    try:
        operations.retry(found.pk, input={"amount": 2}, **AS)
        world.work()
    except NotAllowed as error:
        assert error.code == "in_doubt", error
    given: dict[str, Any] = {}
    for context in world.contexts:
        first = given.setdefault(context.key, context.input)
        assert first == context.input, f"{context.key} was used with {first} and {context.input}."


@scenario
def a_cancel_during_an_attempt(world: World) -> None:
    found = charged(world)
    held = world.attempt(found, "charge")
    operations.cancel(found.pk, **AS)
    assert due_back(found) == [], "It is undone while it may still happen."
    world.record(held)
    assert world.run_through(found).state == "cancelled"


@scenario
def a_sweep_during_an_attempt(world: World) -> None:
    found = charged(world)
    held = world.attempt(found, "charge")
    world.later(timedelta(seconds=3))
    assert sweep()
    run = run_of(found, "charge")
    assert (run.work, run.fence) == ("running", held.run.fence), "It was taken from a worker that is at it."


def held(world: World, *, deadline: timedelta | None = None) -> Saga:
    """A saga whose first step calls a participant; `payments` is held from now on, and everybody knows."""
    charge = step(world.charge, compensation=world.refund, participant="payments", retry=Retry(attempts=5))
    found = world.start(saga("order", charge, step(world.ship, reads_only=True), deadline=deadline))
    holding.hold("payments", **AS)
    holds.look()
    return found


def released(world: World) -> None:
    """It is called again, and what waited for it is let go."""
    holding.release("payments", **AS)
    holds.look()
    world.sweep_later(timedelta(seconds=3))


@scenario
def a_deadline_that_stands_still(world: World) -> None:
    found = held(world, deadline=timedelta(hours=1))
    world.work()
    world.sweep_later(timedelta(hours=5))
    released(world)
    world.sweep_later(timedelta(seconds=3))
    assert world.run_through(found).state == "completed", "The deadline ran on while its step waited."


@scenario
def a_step_that_waited_long(world: World) -> None:
    found = held(world)
    holding.release("payments", **AS)
    holds.look()
    world.script("charge", RetryLater("not yet"), RetryLater("not yet"))
    world.work()
    holding.hold("payments", **AS)
    holds.look()
    world.later(timedelta(minutes=1))
    world.work()
    world.sweep_later(timedelta(hours=5))
    released(world)
    assert world.run_through(found).state == "completed", "A step's own time ran on while it waited."


@scenario
def a_canary_that_goes_alone(world: World) -> None:
    first = held(world)
    world.work()
    holding.canary("payments", **AS)
    assert world.run_through(first).state == "completed"
    second = operations.start("order", actor="ann").saga
    world.work()
    assert run_of(second, "charge").parked_at is not None, "A saga that is no canary called who is held."


# On PostgreSQL, where two transactions can be under way at once.


@contextmanager
def beside(act: Callable[[], Any]) -> Iterator[list[Any]]:
    """Within this context another thread is at it, and has come to its end or to a lock; after it, to its end."""
    came: list[Any] = []

    def run() -> None:
        try:
            came.append(act())
        except BaseException as error:
            came.append(error)
        finally:
            connection.close()

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    pause = threading.Event()
    for _ in range(PATIENCE * 100):
        if not thread.is_alive() or _somebody_waits():
            break
        pause.wait(0.01)
    try:
        yield came
    finally:
        thread.join(PATIENCE)


def _somebody_waits() -> bool:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
        )
        return bool(cursor.fetchone()[0])


@scenario
@override_settings(SAGAS={"ONE_STATEMENT": False})
def two_members_at_once(world: World) -> None:
    both = parallel(step(world.lock, compensation=world.release), step(world.charge, compensation=world.refund))
    found = world.start(saga("side", both, step(world.ship, reads_only=True)))
    first, second = world.attempt(found, "lock"), world.attempt(found, "charge")
    with ExitStack() as after, turn(found.pk, "somebody") as t:
        held = t.run(pk=first.run.pk)
        assert held is not None
        settle(t, held, Succeeded())
        came = after.enter_context(beside(lambda: world.record(second)))
    assert came == [None], came
    assert Run.objects.filter(saga=found, path="ship").count() == 1, "Nobody joined."
    assert world.run_through(found).state == "completed"


@scenario
@override_settings(SAGAS={"ONE_STATEMENT": False})
def a_claim_that_meets_an_open_pause(world: World) -> None:
    found = charged(world)
    run = run_of(found, "charge")
    with ExitStack() as after, turn(found.pk, "ann") as t:
        t.saga.paused_at, t.saga.paused_by = t.now, "ann"
        t.moves.append({"did": "paused", "by": "ann"})
        came = after.enter_context(beside(lambda: attempts.claim(run.pk, run.fence, world.worker)))
    assert came == [None], f"It was claimed in a paused saga: {came}"


@scenario
def a_pause_between_the_look_and_the_claim(world: World) -> None:
    found = charged(world)
    run = run_of(found, "charge")
    look = postgres.due

    def and_meanwhile(*about: Any) -> Any:
        seen = look(*about)
        with beside(lambda: operations.pause(found.pk, **AS)):
            pass
        return seen

    postgres.due = and_meanwhile
    try:
        claimed = attempts.claim(run.pk, run.fence, world.worker)
    finally:
        postgres.due = look
    assert claimed is None, "It was claimed in a saga that had been paused."


@scenario
def a_step_that_is_parked_while_the_hold_ends(world: World) -> None:
    found = held(world)
    look = holds.hold_on

    def end() -> None:
        holding.release("payments", **AS)
        let_go_all(clock.now(), lambda run, act: None)

    def and_meanwhile(*about: Any) -> Any:
        seen = look(*about)
        with beside(end) as came:
            pass
        assert came == [None], came
        return seen

    holds.hold_on = and_meanwhile
    try:
        world.work()
    finally:
        holds.hold_on = look
    assert run_of(found, "charge").parked_at is not None
    world.sweep_later(timedelta(seconds=3))
    assert run_of(found, "charge").parked_at is None, "A step waits for a participant that nobody holds."
    assert world.run_through(found).state == "completed"
