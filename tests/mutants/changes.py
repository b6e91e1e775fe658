"""What the mutants do instead of the engine."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

from django.db import transaction
from django.db.models.functions import Now

from gateway.borrowing import borrowed
from sagas.engine import dispatch
from sagas.models import Run, Signal, Work
from sagas.models.run import UNSETTLED
from sagas.operations import signalling
from sagas.participant.barrier import Passage
from sagas.record import attempts, clock, locked, waiting
from sagas.record.commit import commit
from sagas.record.settle import settle
from sagas.record.turn import Bell, Turn
from sagas.words import boundaries
from sagas.words.lifecycle import StepState
from sagas.words.outcome import Happened, Refused, learn
from sagas.words.plan import Undo
from sagas.words.rows import Step


class WorkersClock:
    """`clock`, as a worker would have it whose own is an hour ahead."""

    @staticmethod
    def told(at: datetime) -> datetime:
        return datetime.now(UTC) + timedelta(hours=1) + clock.put_forward()


def a_key_of_its_own(run: Run) -> str:
    """Another key for each attempt."""
    return f"{run.action_key}:{uuid4()}"


def whatever_it_does_now(t: Turn, held: Any) -> Run | None:
    """The run, whoever holds it by now."""
    return t.run(pk=held.run.pk)


def first_every_time(*about: Any) -> Passage:
    return Passage(first=True)


def ring_at_once(t: Turn) -> None:
    """A message before its transaction has ended."""
    dispatch.ring(t.bells)


def sparing_doubt(t: Turn, run: Run) -> None:
    """What is not known to have happened is not undone."""
    if run.undo == Undo.OWED and run.happened != Happened.YES:
        t.move(run, "spared", undo=Undo.UNNEEDED)


def owed_for_nothing_known(t: Turn) -> list[Run]:
    """The runs at rest that owe a compensation and are not known to have happened."""
    owed = t.runs(undo=Undo.OWED, work__isnull=True)
    return [run for run in owed if run.happened != Happened.YES]


def the_oldest_first(rows: Any) -> Any:
    """The way back begins with what began first."""
    return rows.filter(UNSETTLED, seq__isnull=False).order_by("seq")


def uncounted(original: Any, t: Turn, run: Run, *about: Any) -> None:
    """A crash is counted by who survives it."""
    original(t, run, *about)
    run.crashes -= 1


def owing_nothing(original: Any, t: Turn, run: Run, step: Step, by: Any) -> None:
    """The claim does not say that the step will have to be undone; its success does."""
    original(t, run, replace(step, compensation=None, no_compensation="not yet"), by)


def owing_at_last(original: Any, t: Turn, run: Run, outcome: Any, state: Any) -> None:
    if state == StepState.SUCCEEDED and run.kind == Run.Kind.STEP and t.step(run).owes and run.undo == Undo.NONE:
        t.move(run, "owes", undo=Undo.OWED)
    original(t, run, outcome, state)


def clearing_doubt(prior: Happened, came: Any, *, final: bool = False) -> Happened:
    """A refusal is taken to speak of all attempts."""
    if isinstance(came, Refused) and not came.partly:
        return Happened.NO
    return learn(prior, came, final=final)


def consumed_first(original: Any, saga_id: Any, name: str, *about: Any, **named: Any) -> Any:
    """The signal is marked as taken in a transaction of its own, and the wait is woken in the next one."""
    with changed_wake():
        told = original(saga_id, name, *about, **named)
    if told.replayed:
        return told
    Signal.objects.filter(pk=told.signal.pk).update(taken_at=clock.now())
    boundaries.passed("committed")
    with locked.turn(saga_id, "mutant") as t:
        for run in t.runs(work=Work.WAITING, path=name):
            waiting.answer(t, run, {"signal": told.signal.pk, "payload": told.signal.payload})
            t.move(run, "took")
        dispatch.ring_after_commit(t)
    return told


@contextmanager
def changed_wake() -> Iterator[None]:
    before = signalling._wake
    signalling._wake = lambda *about: False  # type: ignore[assignment]
    try:
        yield
    finally:
        signalling._wake = before


def applied_forward(saga_id: Any, claimed: Run, outcome: Any, worker: Any) -> tuple[Bell, ...]:
    """What comes late counts as if it had come in time."""
    with locked.turn(saga_id, str(worker)) as t:
        run = t.run(pk=claimed.pk)
        if run is not None:
            settle(t, run, outcome)
    return t.bells


def under_the_old_key(original: Any, t: Turn, run: Run, *, once_more: bool = False) -> None:
    """A compensation that is owed once more has the key that it had."""
    kept = run.undo_round
    original(t, run, once_more=once_more)
    run.undo_round = kept or run.undo_round


def forgetting_the_debt(original: Any, t: Turn, run: Run, *about: Any) -> None:
    """A step that is skipped owes nothing."""
    run.undo = Undo.NONE
    original(t, run, *about)


def heedless_edit(original: Any, t: Turn, runs: list[Run], given: Any) -> Any:
    """The input may be edited while the step is in doubt."""
    known = [run.happened for run in runs]
    for run in runs:
        run.happened = Happened.NO.value
    found = original(t, runs, given)
    for run, happened in zip(runs, known, strict=True):
        run.happened = happened
    return found


def of_all_that_run(rows: Any, now: datetime) -> Any:
    """Every attempt under way is overdue."""
    return rows.filter(work=Work.RUNNING)


def from_the_living(original: Any, run: int, fence: int, why: str, *, died: bool) -> Any:
    return original(run, fence, why, died=True)


def until_for_ever(rows: Any, now: datetime) -> Any:
    return rows.none()


@contextmanager
def read_before_the_lock(sagas: Any, actor: str) -> Iterator[Any]:
    """What is counted was read in the statement that then waited for the lock."""
    with borrowed(), commit():
        saga = sagas.annotate(clock=Now()).first()
        if saga is None:
            yield None
            return
        type(saga).objects.filter(pk=saga.pk).select_for_update(no_key=True).first()
        found = locked.Locked(saga, actor, clock.told(saga.clock))
        yield found
        found.write()


@contextmanager
def without_a_lock(sagas: Any, actor: str) -> Iterator[Any]:
    """Nothing is locked: a claim reads straight through what somebody else is about to commit."""
    with borrowed(), transaction.atomic():
        saga = sagas.annotate(clock=Now()).first()
        if saga is None:
            yield None
            return
        found = locked.Locked(saga, actor, clock.told(saga.clock))
        yield found
        found.write()


def whatever_the_revision(original: Any, sagas: int, runs: int, opened: int) -> str:
    """The one statement holds for whatever has become of the saga."""
    statement: str = original(sagas, runs, opened)
    guarded = "g.id = v.id AND g.rev = v.rev"
    if guarded not in statement:
        raise LookupError("The guard is not where this mutant removes it.")
    return statement.replace(guarded, "g.id = v.id")


def far_away(original: Any, run_row: Any, run: Run) -> timedelta:
    """An attempt may take for ever."""
    return timedelta(days=300)


def heedless_of_holds(original: Any, *about: Any) -> Any:
    """What comes next is claimed whether its participant is held or not."""
    before, attempts.park = attempts.park, lambda t, run: False
    try:
        return original(*about)
    finally:
        attempts.park = before


def the_deadline_as_it_was(original: Any, t: Turn) -> None:
    """What stood still is not added to it."""
    before = t.saga.deadline_at
    original(t)
    t.saga.deadline_at = before


def since_as_long_ago(original: Any, t: Turn, run: Run) -> None:
    """A step that is let go has taken all that time."""
    before = run.since
    original(t, run)
    run.since = before
