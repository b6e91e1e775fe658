"""Work in the same database, in one transaction with its record: never in doubt."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import OperationalError, connection, transaction

from sagas import Abort, Retry, RetryLater, operations, saga, step
from sagas.engine import delivery
from sagas.engine.local import in_a_savepoint
from sagas.errors import Unknown
from sagas.models import Saga, Signal
from sagas.record import clock
from sagas.words.definition import Definition
from sagas.words.outcome import Lost
from tests.sagas.world import World, open_incidents, run_of

pytestmark = pytest.mark.django_db

HOUR = timedelta(hours=1)
ONCE = Retry(attempts=1)


def stands(found: Saga) -> tuple[str, list[tuple[str, str]]]:
    found.refresh_from_db()
    return found.state, open_incidents(found)


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
    recorded = delivery._record_local(held, world.worker, go_on=False)
    assert (recorded.late, notes(), run_of(found, "write").happened) == (True, [], "no")
    assert world.run_through(found).state == "completed"
    assert notes() == ["note"]


def test_a_local_step_turned_back_while_it_worked_is_done_and_undone(world: World) -> None:
    found = world.start(local(world, note))
    world.deliver_one(run_of(found, "lock"))
    held = world.attempt(found, "write")
    operations.cancel(found.pk, actor="ann", reason="no")
    delivery._record_local(held, world.worker, go_on=False)
    assert (notes(), run_of(found, "write").happened) == (["note"], "yes")
    assert world.run_through(found).state == "cancelled"
    assert world.called == ["lock", "unwrite", "unlock"]


def idle_for() -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT setting::integer FROM pg_settings WHERE name = 'idle_in_transaction_session_timeout'")
        return int(cursor.fetchone()[0])


@pytest.mark.only_on("postgresql")
def test_what_records_a_local_step_may_not_idle_as_long(world: World) -> None:
    table = saga("order", step(lambda ctx: None, name="write", local=True, reads_only=True, timeout=HOUR))
    found = world.start(table)
    usual, held = idle_for(), world.attempt(found, "write")
    with transaction.atomic():
        in_a_savepoint(held, delivery.call)
        assert idle_for() == usual


@pytest.mark.only_on("postgresql")
def test_a_local_step_may_leave_its_transaction_idle_for_as_long_as_its_attempt_lasts(world: World) -> None:
    usual = idle_for()
    seen: list[int] = []
    table = saga(
        "order", step(lambda ctx: seen.append(idle_for()), name="write", local=True, reads_only=True, timeout=HOUR)
    )
    assert world.run_through(world.start(table)).state == "completed"
    assert usual < 59 * 60_000 < seen[0] <= 60 * 60_000 + 5_000


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
