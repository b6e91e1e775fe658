"""What a person knows, or decides, about a saga that does not go on: `resolve`, `skip`, `reschedule`, `waive`,
`give_up`."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sagas.errors import InvalidInput
from sagas.models import Cause, Incident, Run, Saga, Work
from sagas.operations.allowing import effects_in_place, is_pivot
from sagas.operations.facts import movable, resolvable, running
from sagas.operations.fitting import kept
from sagas.operations.starting import a_time
from sagas.operations.verb import must_be_live, refuse, the_run, verb
from sagas.record.clocks import expire, reach_the_deadline
from sagas.record.payload import Unstorable, pack, text
from sagas.record.pivot import commit
from sagas.record.settle import conclude, fold, settle
from sagas.record.turn import Turn
from sagas.record.way_back import descend, spare, turn_back
from sagas.words.lifecycle import SagaState, StepState
from sagas.words.outcome import Happened, Probed, Succeeded
from sagas.words.plan import Event, Undo
from sagas.words.verdict import Doing, Reason


def resolve(
    saga_id: UUID,
    *,
    step: str,
    landed: bool,
    actor: str,
    reason: str,
    item: int = 0,
    result: Any = None,
    tenant: str = "default",
    expect: int | None = None,
) -> Saga:
    """Say of a step in doubt whether it happened; `reason` is the evidence.

    Landed, with its `result`: the saga goes on, or undoes it. Not landed: it can be retried under a new key, skipped,
    or need not be undone. Raises `NotFound`, `InvalidInput`, or `NotAllowed` with the codes `ended`, `no_such_step`,
    `not_in_doubt`.
    """
    known = _packed(result)
    details = {"landed": landed}
    about: dict[str, Any] = {"actor": actor, "reason": reason, "tenant": tenant, "expect": expect, "details": details}
    with verb(saga_id, "resolve", path=step, item=item, **about) as t:
        must_be_live(t)
        run = the_run(t, step, item)
        if t.run(resolvable(), pk=run.pk) is None:
            refuse(t, f"{step} is not in doubt, or an attempt of it is under way.", "not_in_doubt")
        if landed:
            _landed(t, run, kept(t.row(run), known))
        else:
            _not_landed(t, run)
    return t.saga


def _landed(t: Turn, run: Run, result: Any) -> None:
    if t.saga.is_going_back or run.loser or not (run.held or run.work):  # knowledge, for the way back
        run.happened, run.result = Happened.YES, result
        t.move(run, "resolved", about={"landed": True})
        descend(t)
        return
    if run.held:
        run.held = False
        fold(t, run, Event.FREED)
    run.doing = Doing.PROBE
    t.move(run, "resolved", step=StepState.UNKNOWN if run.state == StepState.DUE else None, about={"landed": True})
    settle(t, run, Probed(landed=True, result=result))


def _not_landed(t: Turn, run: Run) -> None:
    run.happened = run.prior = Happened.NO
    state = StepState.FAILED if run.state == StepState.UNKNOWN and run.held else None
    t.move(run, "resolved", step=state, about={"landed": False})
    if t.saga.is_going_back:
        spare(t, run)
        descend(t)
        return
    if run.work == Work.DUE:
        t.due(run, Doing.ACTION)
        t.move(run, "again", step=StepState.DUE)
    if t.saga.wanted_back and is_pivot(t.saga, run.path):
        turn_back(t, Cause(t.saga.wanted_back), {"code": t.saga.wanted_back, "error": "It was to go back by then."})


def skip(
    saga_id: UUID,
    *,
    step: str,
    actor: str,
    reason: str,
    item: int = 0,
    result: Any = None,
    tenant: str = "default",
    expect: int | None = None,
) -> Saga:
    """Go on without a step that needs a person, with a supplied `result`.

    It says nothing of the effect: what may have happened is still undone on the way back. Raises `NotFound`,
    `InvalidInput`, or `NotAllowed` with the codes `ended`, `no_such_step`, `not_held`, `pivot_in_doubt`.
    """
    supplied = _packed(result)
    with verb(saga_id, "skip", actor=actor, reason=reason, tenant=tenant, expect=expect, path=step, item=item) as t:
        must_be_live(t)
        run = the_run(t, step, item)
        if not run.held:
            refuse(t, f"{step} does not wait for a person; only such a step can be skipped.", "not_held")
        if run.happened == Happened.MAYBE and is_pivot(t.saga, step):
            refuse(t, f"Whether {step} happened is open, and it decides over going back: resolve it.", "pivot_in_doubt")
        run.held = False
        fold(t, run, Event.FREED)
        if is_pivot(t.saga, step):  # what comes after it need not say how it is undone
            commit(t, run)
        conclude(t, run, Succeeded(result=kept(t.row(run), supplied)), StepState.SKIPPED)
        fold(t, run, Event.PASSED)
    return t.saga


def reschedule(
    saga_id: UUID,
    *,
    at: datetime,
    actor: str,
    reason: str,
    step: str | None = None,
    item: int = 0,
    tenant: str = "default",
    expect: int | None = None,
) -> Saga:
    """Move a clock: of a wait, an approval, a sleep, a back-off, or, without a step, the saga's deadline.

    A time that is past fires at once. Raises `NotFound`, `InvalidInput`, or `NotAllowed` with the codes `ended`,
    `no_such_step`, `no_clock`.
    """
    at = a_time(at, "/at")
    details = {"at": at.isoformat()}
    about: dict[str, Any] = {"actor": actor, "reason": reason, "tenant": tenant, "expect": expect, "details": details}
    with verb(saga_id, "reschedule", path=step or "", item=item, **about) as t:
        must_be_live(t)
        if step is None:
            _move_deadline(t, at)
        else:
            run = the_run(t, step, item)
            if t.run(movable(t.now), pk=run.pk) is None:
                refuse(t, f"{step} has no clock that could be moved.", "no_clock")
            _move_clock(t, run, at)
    return t.saga


def _move_deadline(t: Turn, at: datetime) -> None:
    if t.saga.is_going_back:
        refuse(t, "The saga goes back already; its deadline decides nothing any more.", "no_clock")
    if t.saga.deadline_at is None:
        refuse(t, "The saga has no deadline that could be moved.", "no_clock")
    t.saga.deadline_at, t.saga.overdue_at = at, None
    if t.saga.wanted_back == Cause.DEADLINE:
        t.saga.wanted_back = ""
    t.saga.parked_at = t.now if t.saga.parked_at else None
    t.moves.append({"did": "deadline moved", "at": at.isoformat()})
    t.settle("moved", reason=Reason.DEADLINE)
    if at <= t.now and not t.saga.paused_at:
        reach_the_deadline(t)


def _move_clock(t: Turn, run: Run, at: datetime) -> None:
    t.move(run, "rescheduled", about={"at": at.isoformat()})
    if run.work == Work.DUE:
        t.due(run, Doing(run.doing), max(at - t.latest, t.now - t.now))
        return
    run.since, run.at = t.now, max(at, t.now)
    run.ends_at = run.at if run.ends_at is not None else None
    if at <= t.now and not t.saga.paused_at:
        expire(t, run)


def waive(
    saga_id: UUID,
    *,
    step: str,
    actor: str,
    reason: str,
    item: int = 0,
    tenant: str = "default",
    expect: int | None = None,
) -> Saga:
    """A compensation that is stuck was done by hand; `reason` is the evidence. Also for what landed after the end.

    Raises `NotFound`, or `NotAllowed` with the codes `no_such_step` and `not_stuck`.
    """
    with verb(saga_id, "waive", actor=actor, reason=reason, tenant=tenant, expect=expect, path=step, item=item) as t:
        run = the_run(t, step, item)
        late = Incident.objects.open().filter(saga_id=t.saga.pk, path=step, item=item, reason=Reason.LATE_SUCCESS)
        if run.undo != Undo.STUCK and not late.exists():
            refuse(t, f"No compensation of {step} is stuck; there is nothing to waive.", "not_stuck")
        t.settle("waived", path=step, item=item)
        t.move(run, "waived", undo=Undo.WAIVED if run.undo == Undo.STUCK else None)
        descend(t)
    return t.saga


def give_up(saga_id: UUID, *, actor: str, reason: str, tenant: str = "default", expect: int | None = None) -> Saga:
    """End a saga that needs a person as `failed`; the effects left in place are listed in its `failure`.

    Raises `NotFound`, or `NotAllowed` with the codes `ended`, `not_begun`, `no_incident`, `at_work`, `at_the_pivot`.
    """
    with verb(saga_id, "give_up", actor=actor, reason=reason, tenant=tenant, expect=expect) as t:
        must_be_live(t)
        if t.saga.state == SagaState.PENDING:
            refuse(t, "The saga has not begun, so there is nothing to give up; cancel it.", "not_begun")
        if not t.saga.open_incidents:
            refuse(t, "Nothing about the saga needs a person; it goes on by itself.", "no_incident")
        if under_way := t.run(running()):
            refuse(t, f"{under_way.path} is under way; wait for its end, or cancel.", "at_work")
        left = [_put_down(t, run) for run in t.runs(work__isnull=False) if run.kind != Run.Kind.MESSAGE]
        in_place = [{"step": run.path, "item": run.item, "happened": run.happened} for run in effects_in_place(t.saga)]
        why = {"code": "given_up", "error": text(reason), "by": actor, "in_place": in_place, "left": left}
        t.saga.failure = {**(t.saga.failure or {}), **why}
        if t.saga.state == SagaState.RUNNING:
            t.become(SagaState.STUCK)
        t.end(SagaState.FAILED)
    return t.saga


def _put_down(t: Turn, run: Run) -> list[Any]:
    """What the row did, and how long its clock still had, for a retry of the saga."""
    far = run.at is None or run.at.year == 9999
    kept = [run.pk, run.work, run.doing, None if far or run.at is None else (run.at - t.now).total_seconds()]
    t.rest(run)
    t.move(run, "put down")
    return kept


def _packed(result: Any) -> Any:
    try:
        return pack(result)
    except Unstorable as error:
        raise InvalidInput(
            f"The result cannot be stored: {error}", errors=[{"pointer": "/result", "detail": str(error)}]
        ) from None
