"""Claim, record, take back: every move of a saga that a worker makes, under the saga's lock.

claim      a due run becomes this worker's: the intent to compensate is written before anything is done; a message
           from another saga is heard at once
record     what an attempt came to and what that means for the saga; in the same transaction, the next claim
take_back  an attempt that will not be heard of any more is an attempt with an unknown outcome

Each is taken as a guess first, where the database can write that in one statement, and otherwise under the lock.
"""

import time
from collections.abc import Callable
from contextlib import suppress
from copy import copy
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from uuid import UUID

from gateway.borrowing import borrowed
from sagas.conf import conf
from sagas.models import Journal, Run, Saga, Work
from sagas.record import postgres
from sagas.record.commit import commit
from sagas.record.guess import GUESSES, TakeTheLock, Touched, guess, may_guess
from sagas.record.hearing import hear
from sagas.record.late import came_late, is_echo
from sagas.record.locked import turn, turn_of_run
from sagas.record.parking import park
from sagas.record.settle import settle
from sagas.record.turn import Bell, DeadToken, Stack, Turn
from sagas.words import registry
from sagas.words.definition import Definition
from sagas.words.lifecycle import SagaState, StepState
from sagas.words.outcome import Happened, Lost, Outcome
from sagas.words.plan import Undo
from sagas.words.rows import Row, Step
from sagas.words.verdict import Doing

DECIDING = timedelta(seconds=30)
"""The longest that a row's own functions (`when`, `accept`, a list) may take."""


@dataclass(frozen=True, kw_only=True)
class Claim:
    """An attempt that is this worker's to make: until `ends` (`time.monotonic()`), under the run's fence."""

    saga: Saga
    run: Run
    definition: Definition
    row: Row
    began: float
    ends: float
    at: datetime
    stack: Stack | None = None
    due_at: datetime | None = None
    """Since when it had been due; None for what its worker went straight on with."""

    @classmethod
    def of(cls, t: Turn, run: Run, due_at: datetime | None = None) -> "Claim":
        found = cls.known(t.saga, run, t.definition, t.now, t.remembered)
        return replace(found, due_at=due_at) if due_at is not None else found

    @classmethod
    def known(cls, saga: Saga, run: Run, definition: Definition, at: datetime, stack: Stack | None = None) -> "Claim":
        row, began = definition.places[run.path].row, time.monotonic()
        ends = began + _timeout(row, run).total_seconds()
        return cls(saga=saga, run=run, definition=definition, row=row, began=began, ends=ends, at=at, stack=stack)

    @property
    def now(self) -> datetime:
        """About what the database's clock says: what it said at the claim, and the time since."""
        return self.at + timedelta(seconds=time.monotonic() - self.began)

    @property
    def step(self) -> Step:
        return self.definition.places[self.run.path].step


@dataclass(frozen=True, kw_only=True)
class Heard:
    """A message to a saga was heard; who must be rung for what came of it."""

    bells: tuple[Bell, ...]


@dataclass(frozen=True, kw_only=True)
class Recorded:
    """What came of it: the next attempt, if this worker goes straight on, and the runs to ring for others."""

    next: Claim | None = None
    bells: tuple[Bell, ...] = ()
    late: bool = False


def claim(run_id: int, fence: int, worker: UUID, token: str = "") -> Claim | Heard | None:
    """Make a due run this worker's own; `token` is noted in the journal, for `claimed_before`. A message is heard.

    None when another worker got there first, or the saga is paused, turned back or ended, or runs on a table that
    this process does not know: look away, the row stays as it is. None as well when its participant is held: then the
    row is parked.
    """
    with suppress(TakeTheLock):
        return _claim_by_a_guess(run_id, fence, worker, token)
    with turn_of_run(run_id, fence, Work.DUE, str(worker)) as t:
        run = t.run(pk=run_id, fence=fence, work=Work.DUE, at__lte=t.now) if t is not None else None
        due_at = run.at if run is not None else None
        if t is None or run is None or not _take_up(t, run, worker, token):
            return None
    return Heard(bells=t.bells) if run.kind == Run.Kind.MESSAGE else Claim.of(t, run, due_at)


def _claim_by_a_guess(run_id: int, fence: int, worker: UUID, token: str) -> Claim | None:
    if not may_guess():
        raise TakeTheLock
    for _ in range(GUESSES):
        found = postgres.due(run_id, fence)
        if found is None:
            return None
        saga, run, now = found
        if run.kind == Run.Kind.MESSAGE:
            raise TakeTheLock
        with suppress(Touched):
            with guess(saga, run, str(worker), now) as t:
                if not _take_up(t, t.subject, worker, token):
                    return None
            return Claim.of(t, t.subject, run.at)
    raise TakeTheLock


def _take_up(t: Turn, run: Run, worker: UUID, token: str) -> bool:
    definition = registry.find(t.saga.definition, t.saga.version, t.saga.fingerprint)
    if definition is None:
        return False
    is_message = run.kind == Run.Kind.MESSAGE
    if not is_message and (t.saga.paused_at or (t.saga.ended_at and run.doing != Doing.COMPENSATION)):
        return False
    t.settle("known again", path=run.path, item=run.item, reason="definition_unknown")
    if park(t, run):
        return False
    if is_message:
        hear(t, run)
    else:
        _take(t, run, worker, token)
    return True


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
    return Claim.known(run.saga, run, definition, run.saga.updated_at) if definition else None


def record(held: Claim, outcome: Outcome, worker: UUID, *, go_on: bool, repeated: bool = False) -> Recorded:
    """Write down what an attempt came to and move the saga on; claim what comes next if `go_on`.

    `repeated` says that the connection was lost while this was recorded before: then it may be there already.
    A worker whose token has died changes nothing but what is known of the effect.
    """
    try:
        return _written(held, outcome, worker, go_on)
    except DeadToken:
        pass
    if repeated and (found := is_echo(held.run, worker)):
        return _resumed(held, found)
    return Recorded(bells=came_late(held.saga.pk, held.run, outcome, worker), late=True)


def record_local(
    held: Claim, act: Callable[[], Outcome], worker: UUID, *, go_on: bool, repeated: bool = False
) -> Recorded:
    """Do the work of a local step and record it in one transaction: the work in a savepoint first, then the record.

    A dead token rolls everything back, and nothing came late: nothing happened. Raises what the database raises for
    conflicts of transactions; the caller tries again at once, which is no attempt.
    """
    try:
        with borrowed(), commit():
            return _written(held, act(), worker, go_on)
    except DeadToken:
        pass
    found = is_echo(held.run, worker) if repeated else None
    return _resumed(held, found) if found else Recorded(late=True)


def take_back(run_id: int, fence: int, why: str, *, died: bool) -> tuple[Bell, ...]:
    """End an attempt that nobody will hear of any more; returns who must be rung.

    `died` when its process is gone, otherwise its lease must be over. Whoever comes second finds nothing, and a
    process that does not know the saga's table leaves it to one that does. What is due next goes before all that
    waits: it has waited for as long as it took to miss somebody, which is most of what is promised.
    """
    with turn_of_run(run_id, fence, Work.RUNNING, "sweep") as t:
        if t is None or not registry.find(t.saga.definition, t.saga.version, t.saga.fingerprint):
            return ()
        run = t.run(pk=run_id, fence=fence, work=Work.RUNNING)
        if run is None or (not died and run.at is not None and run.at > t.now):
            return ()
        settle(t, run, Lost(error=why, code="worker_gone" if died else "lease_expired", died=True))
        for following in t.ready:
            following.priority = max(following.priority, 1)
    return t.bells


def _written(held: Claim, outcome: Outcome, worker: UUID, go_on: bool) -> Recorded:
    t: Turn
    with suppress(TakeTheLock):
        t, following = _written_by_a_guess(held, outcome, worker, go_on)
        return Recorded(next=Claim.of(t, following) if following else None, bells=t.bells)
    with turn(held.saga.pk, str(worker)) as t:
        following = _moved_on(t, _own(t, held), outcome, worker, go_on)
    return Recorded(next=Claim.of(t, following) if following else None, bells=t.bells)


def _written_by_a_guess(held: Claim, outcome: Outcome, worker: UUID, go_on: bool) -> tuple[Turn, Run | None]:
    """From what is remembered of the claim; where others are at work on the saga too, from what is there now."""
    found: postgres.Found | None = (held.saga, held.run, held.now)
    stack = held.stack
    for _ in range(GUESSES):
        if found is None:
            break
        with suppress(Touched):
            saga, run, now = found
            with guess(saga, run, str(worker), now, stack) as t:
                following = _moved_on(t, t.subject, outcome, worker, go_on)
            return t, following
        found, stack = postgres.running(held.run.pk, held.run.fence), None
    raise TakeTheLock


def _moved_on(t: Turn, run: Run, outcome: Outcome, worker: UUID, go_on: bool) -> Run | None:
    settle(t, run, outcome)
    return _following(t, run, worker) if go_on else None


def _own(t: Turn, held: Claim) -> Run:
    """The run as it is now. The claim's copy is, unless the saga was touched since; then its token may be dead."""
    if t.saga.rev == held.saga.rev:
        return t.hold(copy(held.run))
    run = t.run(pk=held.run.pk, fence=held.run.fence, work=Work.RUNNING)
    if run is None:
        raise DeadToken
    return run


def _take(t: Turn, run: Run, worker: UUID, token: str = "") -> None:
    row, doing = t.row(run), Doing(run.doing)
    run.work, run.worker = Work.RUNNING, worker
    run.priority = t.saga.priority  # it may have been let go first, after it was taken back
    run.hold_id = run.parked_at = None
    run.fence += 1
    run.crashes += 1
    run.ends_at = t.latest + _timeout(row, run) + conf().lease_margin
    heartbeat = row.heartbeat if isinstance(row, Step) else None
    run.at = min(run.ends_at, t.latest + heartbeat) if heartbeat else run.ends_at
    by = {"worker": str(worker), **({"token": token} if token else {})}
    if doing is Doing.DECISION:
        run.tries += 1
        t.move(run, "decides", about={"tries": run.tries, **by})
    else:
        _take_step(t, run, t.step(run), by)
    if t.saga.state == SagaState.PENDING:
        t.become(SagaState.RUNNING)


def _take_step(t: Turn, run: Run, step: Step, by: dict[str, str]) -> None:
    """An attempt begins: in strict order of start, and with the intent to undo it written down."""
    run.since = run.since or t.now
    run.started_at = run.started_at or t.now
    if run.seq is None:
        run.seq, t.saga.next_seq = t.saga.next_seq, t.saga.next_seq + 1
    if run.doing == Doing.PROBE:
        run.asks += 1
        t.move(run, "asked", about={"tries": run.asks, **by})
    elif run.doing == Doing.COMPENSATION:
        run.tries += 1
        run.undo_tried = True
        t.move(run, "claimed", undo=Undo.RUNNING, about={"tries": run.tries, **by})
    else:
        run.tries += 1
        run.prior = run.happened
        run.happened = Happened.MAYBE if run.happened == Happened.NO and not step.local else run.happened
        owes = Undo.OWED if step.owes and run.undo == Undo.NONE else None
        t.move(run, "claimed", step=StepState.RUNNING, undo=owes, about={"tries": run.tries, **by})


def _timeout(row: Row, run: Run) -> timedelta:
    """How long the attempt may take."""
    if run.doing == Doing.DECISION or not isinstance(row, Step):
        return DECIDING
    return row.timeout or timedelta(days=1)


def _following(t: Turn, run: Run, worker: UUID) -> Run | None:
    """Claim what this worker can go straight on with: due at once, on the same queue."""
    if t.saga.paused_at or t.saga.ended_at:
        return None
    found = next((ready for ready in t.ready if ready.queue == run.queue), None) or t.another(run.queue)
    if found is None or park(t, found):
        return None
    _take(t, found, worker)
    return found


def _resumed(held: Claim, found: tuple[Saga, Run | None]) -> Recorded:
    """It had been recorded: go on with what the lost transaction claimed. What it left due, the sweep rings for."""
    saga, run = found
    return Recorded(next=Claim.known(saga, run, held.definition, saga.updated_at) if run else None)
