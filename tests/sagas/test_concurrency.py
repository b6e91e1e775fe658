"""Everything at once, with real transactions on real connections: exactly one wins, and nothing is counted twice."""

import threading
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection

from gateway.ids import uuid7
from sagas import operations, parallel, saga, step
from sagas.engine import delivery
from sagas.errors import NotAllowed
from sagas.models import Audit, Journal, Run, Saga, Work
from sagas.record import attempts
from sagas.record.attempts import claim
from sagas.words import registry
from sagas.words.outcome import Refused, Succeeded
from tests.sagas.world import World, run_of

pytestmark = pytest.mark.django_db(transaction=True)


def at_once(*acts: Callable[[], Any]) -> list[Any]:
    """Run the acts in threads that all begin together; what each returned or raised, in their order."""
    ready, results = threading.Barrier(len(acts)), [None] * len(acts)

    def run(number: int, act: Callable[[], Any]) -> None:
        ready.wait()
        try:
            results[number] = act()
        except Exception as error:
            results[number] = error
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=(number, act)) for number, act in enumerate(acts)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    return results


def linear(world: World):
    return saga(
        "linear",
        step(world.lock, compensation=world.release),
        step(world.charge, compensation=world.refund),
    )


def test_of_many_workers_with_the_same_message_one_claims(world):
    found = world.start(linear(world))
    run = run_of(found, "lock")
    results = at_once(*[lambda: claim(run.pk, run.fence, uuid7())] * 8)
    assert [type(result).__name__ for result in results].count("Claim") == 1
    assert results.count(None) == 7
    found.refresh_from_db()
    assert (found.rev, Journal.objects.filter(saga=found).count()) == (2, 2)


def test_members_that_end_at_once_join_once(world):
    table = saga(
        "side",
        parallel(*(step(world.function(f"m{n}"), compensation=world.undo) for n in range(6))),
        step(world.last, compensation=world.undo_last),
    )
    for _ in range(3):
        found = world.start(table)
        held = [claim(run.pk, run.fence, world.worker) for run in Run.objects.filter(saga=found)]
        acts = [lambda one=one: attempts.record(one, Succeeded(), world.worker, go_on=False) for one in held]
        assert [result.late for result in at_once(*acts)] == [False] * 6
        assert Run.objects.filter(saga=found, path="last", work=Work.DUE).count() == 1
        assert len(set(Run.objects.filter(saga=found, seq__isnull=False).values_list("seq", flat=True))) == 6


def test_members_of_which_one_is_refused_at_once_turn_back_once(world):
    table = saga(
        "side",
        step(world.first, compensation=world.unfirst),
        parallel(*(step(world.function(f"m{n}"), compensation=world.undo) for n in range(4))),
    )
    found = world.start(table)
    first = run_of(found, "first")
    delivery.deliver(first.pk, first.fence, world.worker, stopping=lambda: True)
    held = [claim(run.pk, run.fence, world.worker) for run in Run.objects.filter(saga=found, work=Work.DUE)]
    outcomes = [Refused(error="no"), Refused(error="no"), Succeeded(), Succeeded()]
    at_once(
        *[
            lambda one=one, outcome=outcome: attempts.record(one, outcome, world.worker, go_on=False)
            for one, outcome in zip(held, outcomes, strict=True)
        ]
    )
    found = world.run_through(found)
    assert found.state == "compensated"
    assert sorted(world.called) == ["first", "undo", "undo", "unfirst"]
    assert world.called[-1] == "unfirst"


def test_cancel_and_completion_at_once_have_one_winner_and_the_answer_says_which(world):
    for _ in range(5):
        found = world.start(linear(world))
        lock = run_of(found, "lock")
        delivery.deliver(lock.pk, lock.fence, world.worker, stopping=lambda: True)
        charge = run_of(found, "charge")
        held = claim(charge.pk, charge.fence, world.worker)
        _, answer = at_once(
            lambda held=held: attempts.record(held, Succeeded(), world.worker, go_on=False),
            lambda found=found: operations.cancel(found.pk, actor="ann", reason="race"),
        )
        found = world.run_through(found)
        assert found.state == ("completed" if isinstance(answer, NotAllowed) else "cancelled")


def test_starts_with_one_business_key_at_once_make_one_saga(world):
    table = linear(world)
    world.knows(table)
    results = at_once(*[lambda: operations.start("linear", actor="ann", business_key="A-1")] * 6)
    assert sum(result.created for result in results) == 1
    assert len({result.saga.pk for result in results}) == 1
    assert Saga.objects.count() == 1


def test_two_people_retrying_at_once_retry_once(world):
    world.script("charge", Exception("x"))
    table = saga("held", step(world.charge, idempotent=False, compensation=world.refund))
    found = world.run_through(world.start(table))
    assert found.state == "stuck"
    results = at_once(*[lambda: operations.retry(found.pk, actor="ann", reason="again")] * 2)
    assert [type(result).__name__ for result in results].count("NotAllowed") == 1
    assert Audit.objects.filter(saga=found).count() == 1
    assert world.run_through(found).state == "completed"


@pytest.mark.only_on("postgresql")
def test_a_claim_waits_for_an_uncommitted_pause_and_then_leaves_the_saga_alone(world):
    from django.db import transaction

    found = world.start(linear(world))
    run = run_of(found, "lock")
    paused, results = threading.Event(), []

    def claim_meanwhile() -> None:
        paused.wait(120)
        results.append(claim(run.pk, run.fence, uuid7()))
        connection.close()

    thread = threading.Thread(target=claim_meanwhile)
    thread.start()
    with transaction.atomic():
        operations.pause(found.pk, actor="ann", reason="wait")
        paused.set()
        thread.join(0.5)
        assert thread.is_alive()
    thread.join(120)
    assert results == [None]


def test_whole_sagas_run_on_many_threads_at_once(world):
    table = saga(
        "mixed",
        parallel(step(world.left, reads_only=True), step(world.right, compensation=world.unright)),
        step(world.charge, compensation=world.refund),
    )
    world.knows(table)
    assert registry.problems() == []
    sagas = [operations.start("mixed", actor="ann").saga.pk for _ in range(12)]

    def work() -> None:
        worker = uuid7()
        while run := Run.objects.filter(work=Work.DUE).order_by("?").first():
            delivery.deliver(run.pk, run.fence, worker)

    errors = [result for result in at_once(*[work] * 4) if result is not None]
    assert errors == []
    assert Saga.objects.filter(pk__in=sagas, state="completed").count() == 12
    assert len({key for _, key in world.calls}) == len(world.calls) == 36
