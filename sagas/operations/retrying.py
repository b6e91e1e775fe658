"""What needs a person, or waits for its next try, is tried now: `retry`."""

from datetime import timedelta
from typing import Any
from uuid import UUID

from django.db import IntegrityError, transaction
from django.db.models import Q

from sagas.errors import NotAllowed
from sagas.models import Incident, Revision, Run, Saga, Work
from sagas.operations.allowing import allowed, owed_after_the_end, why_not_reopened, why_not_retried
from sagas.operations.difference import difference
from sagas.operations.fitting import accepted_by
from sagas.operations.verb import refuse, verb
from sagas.record.hearing import look_at_child
from sagas.record.late import undo_what_landed
from sagas.record.opening import park
from sagas.record.sealing import restored
from sagas.record.settle import fold
from sagas.record.turn import FAR, Turn
from sagas.record.way_back import demand, descend
from sagas.words.lifecycle import SagaState, StepState
from sagas.words.outcome import Happened
from sagas.words.plan import Event, Undo
from sagas.words.results import UNCHANGED
from sagas.words.verdict import Doing, Reason


def retry(
    saga_id: UUID,
    *,
    actor: str,
    reason: str,
    step: str | None = None,
    item: int | None = None,
    input: Any = UNCHANGED,
    tenant: str = "default",
    expect: int | None = None,
) -> Saga:
    """Try now what needs a person, or what waits for its next try; only that `step` if one is named.

    Without a `step`, what cannot be retried needs a person as before; it is refused only where that is so of all.
    The step gets a fresh budget. It keeps its idempotency key while its effect is in doubt; one that is known not to
    have happened gets a new key, since participants remember what they refused. An edited `input` is for the steps
    that are tried and those after them. A saga that was given up goes on in the direction in which it went.

    Raises `NotFound`, `InvalidInput`, or `NotAllowed` with the codes `ended`, `nothing_to_retry`, `in_doubt` (an edited
    input under a key that may have been used), `retry_the_child`, `key_taken`, `parent_gone`.
    """
    details: dict[str, Any] = {}
    about: dict[str, Any] = {"actor": actor, "reason": reason, "tenant": tenant, "expect": expect, "details": details}
    with verb(saga_id, "retry", path=step or "", item=item or 0, **about) as t:
        was_given_up = t.saga.state == SagaState.FAILED
        if was_given_up:
            _reopen(t)
        elif t.saga.ended_at:
            _undo_once_more(t, step)
            return t.saga
        runs = _chosen(t, step, item)
        if step is None:
            runs = _able(t, runs, or_refuse=not was_given_up)
        if not runs and t.moves and input is UNCHANGED:
            return t.saga
        if not runs:
            what = f"Step {step!r}" if step else "The saga"
            sentence = f"{what} has nothing to retry: no step is held, stuck or waiting for its next try."
            refuse(t, sentence, "nothing_to_retry")
        if input is not UNCHANGED:
            details["diff"] = _edit(t, runs, input)
        for run in runs:
            _try_now(t, run)
    return t.saga


def _chosen(t: Turn, step: str | None, item: int | None) -> list[Run]:
    """Everything that is held or stuck; where nothing is, what waits for its next try."""
    named = {"path": step, "item": item}
    which = {name: value for name, value in named.items() if value is not None}
    t.flush()
    ids = Run.objects.filter(saga_id=t.saga.pk, **which).retriable(t.latest).exclude(kind=Run.Kind.MESSAGE).values("pk")
    runs = t.runs(pk__in=ids)
    held = [run for run in runs if not run.work]
    return held or runs


def _able(t: Turn, runs: list[Run], *, or_refuse: bool) -> list[Run]:
    """Those that can be tried; the others need a person as before."""
    why_not = [why_not_retried(t.saga, run) for run in runs]
    if or_refuse and runs and all(why_not):
        refuse(t, *next(filter(None, why_not)))
    return [run for run, why in zip(runs, why_not, strict=True) if why is None]


def _try_now(t: Turn, run: Run) -> None:
    again = Incident.objects.open().filter(saga_id=t.saga.pk, path=run.path, item=run.item)
    again.update(retried_at=t.now)
    if why_not := why_not_retried(t.saga, run):
        refuse(t, *why_not)
    if run.undo == Undo.STUCK:
        demand(t, run, once_more=run.undo_again)
        descend(t)
        return
    was_held = run.held
    if was_held and run.state == StepState.WAITING and again.filter(reason=Reason.REFUSED).exists():
        park(t, run, {})  # what came was refused, and would be again: it waits for something else
        t.move(run, "retried")
        fold(t, run, Event.FREED)
        return
    run.tries = run.asks = run.crashes = 0
    run.since = None
    if run.doing == Doing.COMPENSATION:
        t.due(run, Doing.COMPENSATION)
        t.move(run, "retried")
        return
    if (was_held or run.doing == Doing.ACTION) and run.happened == Happened.NO:
        run.generation += 1
    t.due(run, _doing(run, was_held))
    asking = run.doing == Doing.PROBE or run.state == StepState.WAITING
    t.move(run, "retried", step=None if asking else StepState.DUE, about={"generation": run.generation})
    if was_held:
        fold(t, run, Event.FREED)


def _doing(run: Run, was_held: bool) -> Doing:
    if run.kind != Run.Kind.STEP or run.doing == Doing.DECISION:
        return Doing.DECISION
    return Doing.ACTION if was_held else Doing(run.doing)


def _edit(t: Turn, runs: list[Run], given: Any) -> dict[str, Any]:
    """The edited input is for these steps and for later ones; the others keep what they ran with."""
    doubtful = [run.path for run in runs if run.happened != Happened.NO or run.undo == Undo.STUCK]
    if t.saga.is_going_back or doubtful:
        names = ", ".join(doubtful) or "the saga"
        sentence = f"The input cannot be edited: {names} may have happened with the old one. Resolve it first."
        refuse(t, sentence, "in_doubt")
    saga, accepted = t.saga, accepted_by(t.definition, restored(given, t.saga.input))
    Revision.objects.create(saga_id=saga.pk, rev=saga.input_rev, input=saga.input)
    before, saga.input = saga.input, accepted
    saga.input_rev += 1
    for run in runs:
        run.input_rev = saga.input_rev
    return difference(before, accepted)


def _reopen(t: Turn) -> None:
    """A saga that was given up goes on in the direction in which it went, with a new deadline."""
    saga, table = t.saga, t.definition
    if why_not := why_not_reopened(saga):
        refuse(t, *why_not)
    left = (saga.failure or {}).pop("left", [])
    _reopen_incidents(t)
    saga.ended_at = None
    if saga.is_going_back:
        t.become(SagaState.COMPENSATING)
    else:
        saga.failure, saga.overdue_at = None, None
        saga.deadline_at = t.latest + table.deadline if table.deadline and not saga.committed_at else None
        t.become(SagaState.RUNNING)
    _hold_the_key(saga)
    for pk, work, doing, seconds in left:
        run = t.run(pk=pk)
        if run is None:
            continue
        if work == Work.WAITING:
            t.wait(run, FAR if seconds is None else t.latest + timedelta(seconds=seconds), relative=run.relative)
        else:
            t.due(run, Doing(doing), timedelta(seconds=seconds or 0))
        t.move(run, "goes on")
    t.flush()
    landed = Incident.objects.open().filter(saga_id=saga.pk, reason=Reason.LATE_SUCCESS).values("run")
    for run in t.runs(~Q(undo__in=[Undo.NONE, Undo.WAIVED]), pk__in=landed):
        undo_what_landed(t, run)
        t.settle("taken up", path=run.path, item=run.item, reason=Reason.LATE_SUCCESS)
    for run in t.runs(kind=Run.Kind.CHILD):
        look_at_child(t, run)
    descend(t)


def _reopen_incidents(t: Turn) -> None:
    """What needed a person when the saga was given up needs one again, unless it was done by hand meanwhile."""
    closed = Incident.objects.filter(saga_id=t.saga.pk, closed_at=t.saga.ended_at, closed_as="ended")
    others = [Reason.DEADLINE, Reason.LATE_SUCCESS, Reason.DEFINITION_UNKNOWN]
    again = closed.exclude(reason__in=others).exclude(run__undo=Undo.WAIVED)
    t.saga.open_incidents += again.update(closed_at=None, closed_as="")


def _hold_the_key(saga: Saga) -> None:
    """A start at the same moment may get the key first: one of the two waits here for the other's commit."""
    try:
        with transaction.atomic():
            Saga.objects.filter(pk=saga.pk).update(ended_at=None, state=saga.state)
    except IntegrityError:
        sentence = f"Another saga has just got the business key {saga.business_key!r}."
        raise NotAllowed(sentence, code="key_taken", allowed=allowed(Saga.objects.get(pk=saga.pk))) from None


def _undo_once_more(t: Turn, step: str | None) -> None:
    """On an ended saga: what landed after all is undone under a key of its own, what could not be undone is tried."""
    runs = [t.hold(run) for run in owed_after_the_end(t.saga) if step in (None, run.path)]
    if not runs:
        refuse(t, f"The saga has ended: it is {t.saga.state}.", "ended")
    for run in runs:
        Incident.objects.open().filter(run=run).update(retried_at=t.now)
        demand(t, run, once_more=run.undo == Undo.DONE or run.undo_again)
