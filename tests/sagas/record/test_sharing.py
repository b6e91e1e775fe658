"""Turns that end at the same time share a statement, and each keeps its own guard."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import pytest
from django.db import connection, transaction
from django.test import override_settings

from sagas import operations, saga, step
from sagas.models import Run, Saga
from sagas.record import attempts, postgres, sharing
from sagas.record.attempts import Claim
from sagas.record.guess import Guess
from sagas.words.outcome import Succeeded
from tests.harness.waiting import wait_until
from tests.sagas.world import World, run_of

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.only_on("postgresql")]


@pytest.fixture(autouse=True)
def switched_on(settings: Any) -> None:
    """Whatever the rest of this run has."""
    settings.SAGAS = {**settings.SAGAS, "SHARED_COMMITS": True}


@pytest.fixture
def sizes(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many turns each statement wrote."""
    seen: list[int] = []
    write = postgres.write

    def watched(changes: Any) -> Any:
        seen.append(len(changes))
        return write(changes)

    monkeypatch.setattr(postgres, "write", watched)
    return seen


def begun(world: World, number: int) -> list[Claim]:
    world.knows(table := saga("two", step(world.lock, compensation=world.release), step(world.charge, reads_only=True)))
    return [world.attempt(world.start(table), "lock") for _ in range(number)]


class Crowd:
    """Threads that record what they hold, while the first of them is made to wait for its saga's lock."""

    def __init__(self, world: World, held: list[Claim], outcomes: list[Any] | None = None) -> None:
        self.answers: dict[int, Any] = {}
        self._world, self._held = world, held
        self._outcomes = outcomes or [Succeeded(result={"n": n}) for n in range(len(held))]
        self.threads = [threading.Thread(target=self._record, args=(n,)) for n in range(len(held))]

    def _record(self, number: int) -> None:
        try:
            held, outcome = self._held[number], self._outcomes[number]
            self.answers[number] = attempts.record(held, outcome, self._world.worker, go_on=True)
        except BaseException as error:
            self.answers[number] = error
        finally:
            connection.close()

    @contextmanager
    def waiting(self) -> Iterator[None]:
        """All but the first are queued up behind it within this context, and are done after it."""
        with transaction.atomic():
            Saga.objects.select_for_update().get(pk=self._held[0].saga.pk)
            self.threads[0].start()
            wait_until(lambda: sharing._sharing._busy and not sharing._sharing._queue, what="the first to write")
            for thread in self.threads[1:]:
                thread.start()
            wait_until(lambda: len(sharing._sharing._queue) == len(self.threads) - 1, what="the others to queue up")
            yield
        for thread in self.threads:
            thread.join(120)


def test_turns_that_come_while_one_is_written_share_the_next_statement(world: World, sizes: list[int]) -> None:
    crowd = Crowd(world, held := begun(world, 6))
    del sizes[:]
    with crowd.waiting():
        pass
    assert sizes == [1, 5]
    assert [crowd.answers[n].next.run.path for n in range(6)] == ["charge"] * 6
    assert [run_of(one.saga, "lock").result for one in held] == [{"n": n} for n in range(6)]
    assert Run.objects.filter(path="charge", work="running").count() == 6


def test_one_alone_is_written_at_once(world: World, sizes: list[int]) -> None:
    [held] = begun(world, 1)
    del sizes[:]
    attempts.record(held, Succeeded(), world.worker, go_on=False)
    assert (sizes, sharing._sharing._busy) == ([1], False)


def test_a_saga_that_was_touched_meanwhile_does_not_touch_the_others(world: World, sizes: list[int]) -> None:
    crowd = Crowd(world, held := begun(world, 5))
    del sizes[:]
    operations.pause(held[3].saga.pk, actor="ann", reason="wait")
    with crowd.waiting():
        pass
    assert sizes == [1, 4, 1], "the one that was left out is decided anew, from what is there now"
    assert [crowd.answers[n].next is not None for n in range(5)] == [True, True, True, False, True]
    assert (run_of(held[3].saga, "lock").state, run_of(held[3].saga, "charge").work) == ("succeeded", "due")


def test_a_dead_token_among_them_is_late_and_the_others_are_not(world: World) -> None:
    crowd = Crowd(world, held := begun(world, 5))
    attempts.take_back(held[2].run.pk, held[2].run.fence, "It is gone.", died=True)
    with crowd.waiting():
        pass
    assert [crowd.answers[n].late for n in range(5)] == [False, False, True, False, False]


def test_when_a_statement_fails_everybody_writes_alone(world: World, sizes: list[int]) -> None:
    """One run is not as its saga's `rev` promised, which makes the whole statement fail."""
    crowd = Crowd(world, held := begun(world, 4))
    del sizes[:]
    Run.objects.filter(pk=held[2].run.pk).update(fence=held[2].run.fence + 1)
    with crowd.waiting():
        pass
    assert sizes == [1, 3, 1, 1, 1]
    assert [crowd.answers[n].late for n in range(4)] == [False, False, True, False]
    assert [run_of(one.saga, "lock").state for one in held] == ["succeeded", "succeeded", "running", "succeeded"]


def test_who_is_ended_after_writing_for_others_leaves_them_in_doubt(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They ask the database whether it was written, as after a lost answer, instead of taking it for too late."""
    crowd, write, sizes = Crowd(world, begun(world, 4)), postgres.write, []

    def ends(changes: Any) -> Any:
        sizes.append(len(changes))
        written = write(changes)
        if len(sizes) == 2:
            raise SystemExit
        return written

    monkeypatch.setattr(postgres, "write", ends)
    with crowd.waiting():
        pass
    assert sizes == [1, 3]
    assert sorted(type(answer).__name__ for answer in crowd.answers.values()) == [
        "OperationalError",
        "OperationalError",
        "Recorded",
        "SystemExit",
    ]


def test_two_turns_of_one_saga_never_share_a_statement(world: World) -> None:
    group = sharing.Sharing()
    [held] = begun(world, 1)
    change = postgres.Change(
        saga=held.saga, now=held.now, ends=False, commits=False, runs=[], opened=[], actor="me", moves=[]
    )
    group._queue = [sharing._Waiting(change), sharing._Waiting(change)]
    assert (len(group._take()), len(group._queue)) == (1, 1)


def test_it_can_be_switched_off(world: World, sizes: list[int], monkeypatch: pytest.MonkeyPatch) -> None:
    with override_settings(SAGAS={"SHARED_COMMITS": False}):
        [held] = begun(world, 1)
        monkeypatch.setattr(sharing, "_sharing", None)
        attempts.record(held, Succeeded(), world.worker, go_on=False)
    assert run_of(held.saga, "lock").state == "succeeded"


def test_a_turn_that_asks_the_database_holds_up_no_other_thread(world: World) -> None:
    one, other = begun(world, 2)
    asks, go_on = threading.Event(), threading.Event()

    def stack_of(held: Claim, before: Any) -> bool:
        try:
            with connection.execute_wrapper(before):
                return Guess(held.saga, held.run, "somebody", held.now).stack.whole
        finally:
            connection.close()

    def slowly(execute: Any, *about: Any) -> Any:
        asks.set()
        go_on.wait(120)
        return execute(*about)

    with ThreadPoolExecutor(2) as threads:
        slow = threads.submit(stack_of, one, slowly)
        try:
            assert asks.wait(120)
            assert threads.submit(stack_of, other, lambda execute, *about: execute(*about)).result(60)
        finally:
            go_on.set()
        assert slow.result(120)
