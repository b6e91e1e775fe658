"""Claim, record, take back: every move of a saga that a worker makes, under the saga's lock.

claim      a due run becomes this worker's: the intent to compensate is written before anything is done
record     what an attempt came to and what that means for the saga; in the same transaction, the next claim
take_back  an attempt that will not be heard of any more is an attempt with an unknown outcome

This is the reference, in Django's ORM, on PostgreSQL and SQLite alike.
"""

import time
from copy import copy
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from gateway.borrowing import borrowed
from sagas import registry
from sagas.conf import conf
from sagas.definition import Definition
from sagas.rows import Step
from sagas.late import came_late, is_echo
from sagas.lifecycle import SagaState, StepState
from sagas.models import Journal, Run, Saga, Work
from sagas.outcome import Happened, Lost, Outcome
from sagas.plan import Undo
from sagas.settle import settle
from sagas.turn import Bell, DeadToken, Turn, turn, turn_of_run
from sagas.verdict import Doing


@dataclass(frozen=True, kw_only=True)
class Claim:
    """An attempt that is this worker's to make: until `ends` (`time.monotonic()`), under the run's fence."""

    saga: Saga
    run: Run
    definition: Definition
    step: Step
    ends: float

    @classmethod
    def of(cls, saga: Saga, run: Run, definition: Definition) -> "Claim":
        step = definition.places[run.path].step
        ends = time.monotonic() + (step.timeout or timedelta(days=1)).total_seconds()
        return cls(saga=saga, run=run, definition=definition, step=step, ends=ends)


@dataclass(frozen=True, kw_only=True)
class Recorded:
    """What came of it: the next attempt, if this worker goes straight on, and the runs to ring for others."""

    next: Claim | None = None
    bells: tuple[Bell, ...] = ()
    late: bool = False


def claim(run_id: int, fence: int, worker: UUID, token: str = "") -> Claim | None:
    """Make a due run this worker's own; `token` is noted in the journal, for `claimed_before`.

    None when another worker got there first, or the saga is paused, turned back or ended, or runs on a table that
    this process does not know: look away, the row stays as it is.
    """
    with turn_of_run(run_id, fence, Work.DUE, str(worker)) as t:
        if t is None or t.saga.paused_at or t.saga.ended_at:
            return None
        definition = registry.find(t.saga.definition, t.saga.version, t.saga.fingerprint)
        run = t.run(pk=run_id, fence=fence, work=Work.DUE, at__lte=t.now)
        if definition is None or run is None:
            return None
        t.settle("known again", path=run.path, item=run.item, reason="definition_unknown")
        _take(t, run, worker, token)
    return Claim.of(t.saga, run, definition)


def claimed_before(run_id: int, fence: int, worker: UUID, token: str) -> Claim | None:
    """What was claimed with that token in a commit whose answer was lost; None if that commit never was."""
    with borrowed():
        run = Run.objects.select_related("saga").filter(pk=run_id, work=Work.RUNNING, worker=worker).first()
        if run is None or run.fence != fence + 1:
            return None
        rows = Journal.objects.filter(saga_id=run.saga_id, actor=str(worker)).order_by("-rev")[:50]
        if not any(move.get("token") == token for row in rows for move in row.moves):
            return None
    definition = registry.find(run.saga.definition, run.saga.version, run.saga.fingerprint)
    return Claim.of(run.saga, run, definition) if definition else None


def record(held: Claim, outcome: Outcome, worker: UUID, *, go_on: bool, repeated: bool = False) -> Recorded:
    """Write down what an attempt came to and move the saga on; claim what comes next if `go_on`.

    `repeated` says that the connection was lost while this was recorded before: then it may be there already.
    A worker whose token has died changes nothing but what is known of the effect.
    """
    try:
        with turn(held.saga.pk, str(worker)) as t:
            run = _own(t, held)
            settle(t, run, outcome)
            following = _following(t, run, worker) if go_on else None
        return Recorded(
            next=Claim.of(t.saga, following, held.definition) if following else None,
            bells=t.bells,
        )
    except DeadToken:
        pass
    if repeated and (found := is_echo(held.run, worker)):
        return _resumed(held, found)
    return Recorded(bells=came_late(held.saga.pk, held.run, outcome, worker), late=True)


def take_back(run_id: int, fence: int, why: str, *, died: bool) -> tuple[Bell, ...]:
    """End an attempt that nobody will hear of any more; returns who must be rung.

    `died` when its process is gone, otherwise its lease must be over. Whoever comes second finds nothing, and a
    process that does not know the saga's table leaves it to one that does.
    """
    with turn_of_run(run_id, fence, Work.RUNNING, "sweep") as t:
        if t is None or not registry.find(t.saga.definition, t.saga.version, t.saga.fingerprint):
            return ()
        run = t.run(pk=run_id, fence=fence, work=Work.RUNNING)
        if run is None or (not died and run.at is not None and run.at > t.now):
            return ()
        settle(t, run, Lost(error=why, code="worker_gone" if died else "lease_expired", died=True))
    return t.bells


def _own(t: Turn, held: Claim) -> Run:
    """The run as it is now. The claim's copy is, unless the saga was touched since; then its token may be dead."""
    if t.saga.rev == held.saga.rev:
        return t.hold(copy(held.run))
    run = t.run(pk=held.run.pk, fence=held.run.fence, work=Work.RUNNING)
    if run is None:
        raise DeadToken
    return run


def _take(t: Turn, run: Run, worker: UUID, token: str = "") -> None:
    step, doing = t.step(run), Doing(run.doing)
    run.work, run.worker = Work.RUNNING, worker
    run.fence += 1
    run.crashes += 1
    run.ends_at = t.latest + (step.timeout or timedelta(days=1)) + conf().lease_margin
    run.at = min(run.ends_at, t.latest + step.heartbeat) if step.heartbeat else run.ends_at
    run.since = run.since or t.now
    run.started_at = run.started_at or t.now
    if run.seq is None:
        run.seq, t.saga.next_seq = t.saga.next_seq, t.saga.next_seq + 1
    by = {"worker": str(worker), **({"token": token} if token else {})}
    if doing is Doing.PROBE:
        run.asks += 1
        t.move(run, "asked", about={"tries": run.asks, **by})
    elif doing is Doing.COMPENSATION:
        run.tries += 1
        run.undo_tried = True
        t.move(run, "claimed", undo=Undo.RUNNING, about={"tries": run.tries, **by})
    else:
        run.tries += 1
        run.prior = run.happened
        run.happened = Happened.MAYBE if run.happened == Happened.NO else run.happened
        owes = Undo.OWED if step.owes and run.undo == Undo.NONE else None
        t.move(run, "claimed", step=StepState.RUNNING, undo=owes, about={"tries": run.tries, **by})
    if t.saga.state == SagaState.PENDING:
        t.become(SagaState.RUNNING)


def _following(t: Turn, run: Run, worker: UUID) -> Run | None:
    """Claim what this worker can go straight on with: due at once, on the same queue."""
    if t.saga.paused_at or t.saga.ended_at:
        return None
    candidates = [ready for ready in t.ready if ready.queue == run.queue]
    if not candidates and t.position.open and not t.saga.is_going_back:
        candidates = t.runs(work=Work.DUE, at__lte=t.now, queue=run.queue)[:1]
    if not candidates:
        return None
    _take(t, candidates[0], worker)
    return candidates[0]


def _resumed(held: Claim, found: tuple[Saga, Run | None]) -> Recorded:
    """It had been recorded: go on with what the lost transaction claimed. What it left due, the sweep rings for."""
    saga, run = found
    return Recorded(next=Claim.of(saga, run, held.definition) if run else None)
