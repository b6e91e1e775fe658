"""What an attempt came to, for its row and for the saga; the end of every attempt, recorded or taken back."""

from datetime import timedelta
from typing import Any

from django.db.models import Q

from sagas.models import Cause, Run
from sagas.models.saga import Going
from sagas.record.opening import begin_rows, enter
from sagas.record.payload import text
from sagas.record.pivot import pass_the_pivot
from sagas.record.turn import Turn
from sagas.record.way_back import demand, descend, forget_pending, lose, settle_debt, spare, turn_back
from sagas.words.lifecycle import StepState
from sagas.words.outcome import Happened, Lost, Outcome, Probed, Refused, Succeeded, Unstorable, learn
from sagas.words.plan import Close, Do, Drop, Event, Hold, TurnBack, Undo, forward
from sagas.words.rows import Row, Step
from sagas.words.verdict import (
    Again,
    Ask,
    Doing,
    Drained,
    Fail,
    Reason,
    Skip,
    Standing,
    Succeed,
    Suspend,
    Undone,
    Verdict,
    judge,
)

LONGEST_CODE = 100


def settle(t: Turn, run: Run, outcome: Outcome) -> None:
    """Learn from the outcome, judge it, and move the row and the saga on."""
    row, doing = t.row(run), Doing(run.doing)
    if not isinstance(outcome, Lost) or not outcome.died:
        run.crashes = 0
    _learn(row, run, outcome)
    if isinstance(outcome, Succeeded | Unstorable | Probed):
        t.published += outcome.published
    run.error, run.code = text(getattr(outcome, "error", "")), text(getattr(outcome, "code", ""), LONGEST_CODE)
    verdict = judge(row, _standing(t, run, outcome), outcome)
    if doing is Doing.COMPENSATION:
        _undo(t, run, outcome, verdict)
    else:
        _advance(t, run, outcome, verdict)
    t.derive()


def _learn(row: Row, run: Run, outcome: Outcome) -> None:
    if not isinstance(row, Step) or run.doing not in (Doing.ACTION, Doing.PROBE):
        return
    if run.doing == Doing.PROBE:
        run.happened = learn(Happened(run.happened), outcome, final=row.probe_is_final)
    elif row.local and isinstance(outcome, Lost):  # its effect went with its transaction
        run.happened = run.prior
    else:
        run.happened = learn(Happened(run.prior), outcome)


def _standing(t: Turn, run: Run, outcome: Outcome) -> Standing:
    asking = (run.doing == Doing.PROBE and not isinstance(outcome, Probed | Refused)) or (
        isinstance(outcome, Probed) and outcome.landed is None
    )
    return Standing(
        doing=Doing(run.doing),
        tries=run.asks if asking else run.tries,
        elapsed=t.now - (run.since or t.now),
        happened=Happened(run.happened),
        crashes=run.crashes,
        draining=t.saga.is_going_back or run.loser,
        committed=t.saga.committed_at is not None,
    )


def _advance(t: Turn, run: Run, outcome: Outcome, verdict: Verdict) -> None:
    """Forward: the row's new state, folded into the saga's position, and the moves that follow."""
    event, items = _settle_row(t, run, outcome, verdict)
    if t.saga.is_going_back:
        spare(t, run)
        descend(t)
    elif run.loser:
        settle_debt(t, run)
    else:
        pass_the_pivot(t, run, outcome)
        if event is not None and not t.saga.is_going_back:
            fold(t, run, event, items)


def fold(t: Turn, run: Run, event: Event, items: int = 0) -> None:
    """Fold what happened to a row into the saga's position, and do what the plan says."""
    committed = t.saga.committed_at is not None
    t.position, moves = forward(
        t.definition, t.position, run.path, event, item=run.item, items=items, committed=committed
    )
    for move in moves:
        match move:
            case Do(rows=rows):
                begin_rows(t, rows)
            case Close(path=path, passed=passed):
                _close(t, path, passed)
            case Drop():
                _drop(t, move)
            case Hold():
                hold(t, run, Reason.REFUSED)
            case TurnBack():
                failure = {"step": run.path, "item": run.item, "code": run.code, "error": run.error}
                turn_back(t, Cause.FAILED_STEP, failure)


def _close(t: Turn, path: str, passed: bool) -> None:
    """A group has ended; one whose functions were asked has a run of its own."""
    row = t.definition.places[path].row
    if row.asks and (run := t.run(path=path, kind=Run.Kind.GROUP, state=StepState.WAITING)):
        run.ended_at = t.now
        t.move(run, "passed" if passed else "failed", step=StepState.SUCCEEDED if passed else StepState.FAILED)


def _drop(t: Turn, move: Drop) -> None:
    which: dict[str, Any] = {"path__in": move.paths, "loser": False}
    if move.item is not None:
        which["item"] = move.item
    forget_pending(t, Run.objects.filter(saga_id=t.saga.pk, **which))
    unfinished = Q(work__isnull=False) | Q(held=True)
    alive = ~Q(state__in=[StepState.CANCELLED, StepState.SKIPPED]) | Q(undo=Undo.OWED)
    for run in t.runs(alive if move.finished else unfinished, **which):
        if run.kind == Run.Kind.GROUP and not run.work and not run.held:
            _call_off_group(t, run)
        else:
            lose(t, run)


def _call_off_group(t: Turn, run: Run) -> None:
    if run.state == StepState.WAITING:
        run.ended_at = t.now
        t.move(run, "called off", step=StepState.CANCELLED)


def hold(t: Turn, run: Run, reason: Reason) -> None:
    """A person must look at it; its siblings go on."""
    t.rest(run)
    _leave_other_troubles(t, run, Going.FORWARD, reason)
    run.held, run.ended_at = True, None
    t.incident(run, reason, run.code or str(reason), run.error or "It failed.")
    fold(t, run, Event.HELD)


def _leave_other_troubles(t: Turn, run: Run, direction: Going, reason: Reason) -> None:
    """What was retried and failed for another reason has left the trouble that it was in."""
    others = [other for other in Reason if other not in (reason, Reason.LATE_SUCCESS)]
    which = {"path": run.path, "item": run.item, "direction": direction, "reason__in": others}
    t.settle("another trouble", **which, retried_at__isnull=False)


def _settle_row(t: Turn, run: Run, outcome: Outcome, verdict: Verdict) -> tuple[Event | None, int]:
    match verdict:
        case Succeed() if run.doing == Doing.DECISION:
            return _decided(t, run, outcome)
        case Succeed():
            conclude(t, run, outcome, StepState.SUCCEEDED)
            return Event.PASSED, 0
        case Skip():
            conclude(t, run, outcome, _failed_as(run, outcome))
            if run.state != StepState.SUCCEEDED:
                t.move(run, "skipped", step=StepState.SKIPPED)
            return Event.PASSED, 0
        case Fail() | Drained():
            conclude(t, run, outcome, _failed_as(run, outcome))
            return Event.FAILED, 0
        case Again(delay=delay, tell=tell):
            doing = Doing.DECISION if run.doing == Doing.DECISION else Doing.ACTION
            t.due(run, doing, delay)
            state = None if doing is Doing.DECISION else StepState.DUE
            t.move(run, "again", step=state, about=_told(run, outcome, delay))
            _tell(t, run, tell)
            return None, 0
        case Ask(delay=delay, tell=tell):
            run.asks = run.asks if run.doing == Doing.PROBE else 0
            t.due(run, Doing.PROBE, delay)
            t.move(run, "to ask", step=StepState.UNKNOWN, about=_told(run, outcome, delay))
            _tell(t, run, tell)
            return None, 0
        case Suspend(reason=reason):
            _suspend(t, run, outcome, reason)
            return None, 0
    raise AssertionError(f"{verdict!r} is no verdict on a way forward")


def _suspend(t: Turn, run: Run, outcome: Outcome, reason: Reason) -> None:
    state = None
    if run.doing != Doing.DECISION:
        state = StepState.UNKNOWN if run.happened != Happened.NO else StepState.FAILED
    t.move(run, "held", step=state, about=_told(run, outcome))
    hold(t, run, reason)


def _tell(t: Turn, run: Run, reason: Reason | None) -> None:
    """Past the pivot a person is told, once, while the retries go on."""
    if reason is not None:
        t.incident(run, reason, run.code or str(reason), run.error)


def _decided(t: Turn, run: Run, outcome: Outcome) -> tuple[Event | None, int]:
    """The row's functions were asked: it is not taken, it begins, or what it waited for is accepted."""
    answer = outcome.result if isinstance(outcome, Succeeded) else {}
    t.settle("settled", path=run.path, item=run.item, direction=Going.FORWARD)
    if "result" in answer:
        conclude(t, run, Succeeded(result=answer["result"]), StepState.SUCCEEDED)
        return Event.PASSED, 0
    if not answer.get("taken", True):
        conclude(t, run, Succeeded(), StepState.SKIPPED)
        return Event.PASSED, 0
    return enter(t, run, answer)


def conclude(t: Turn, run: Run, outcome: Outcome, state: StepState) -> None:
    """The row will not be tried again by itself."""
    if isinstance(outcome, Succeeded) or (isinstance(outcome, Probed) and outcome.landed):
        run.result = outcome.result
    elif isinstance(outcome, Refused) and outcome.partly:
        run.result = outcome.done
    run.ended_at = t.now
    t.rest(run)
    t.move(run, str(state), step=state, about=_told(run, outcome))
    t.settle("settled", path=run.path, item=run.item, direction=Going.FORWARD)


def _failed_as(run: Run, outcome: Outcome) -> StepState:
    match outcome:
        case _ if run.doing == Doing.DECISION:
            return StepState.FAILED
        case Succeeded() | Unstorable() | Probed(landed=True):
            return StepState.SUCCEEDED
        case Refused():
            return StepState.FAILED
    return StepState.FAILED if run.happened == Happened.NO else StepState.UNKNOWN


def _undo(t: Turn, run: Run, outcome: Outcome, verdict: Verdict) -> None:
    """On the way back: the compensation's new state, and what the top of the stack asks for then."""
    match verdict:
        case Again(delay=delay):
            t.due(run, Doing.COMPENSATION, delay)
            t.move(run, "again", undo=Undo.DUE, about=_told(run, outcome, delay))
        case Undone():
            undone(t, run, _told(run, outcome))
        case Suspend() if run.undo_again:  # it spoke of what was there before more landed
            t.move(run, "again", undo=Undo.DUE, about=_told(run, outcome))
        case Suspend(reason=reason):
            stuck(t, run, reason, _told(run, outcome))
    if run.undo_again:
        demand(t, run, once_more=True)
    descend(t)


def undone(t: Turn, run: Run, about: dict[str, Any] | None = None) -> None:
    """A compensation is done, unless it is owed once more."""
    t.rest(run)
    t.move(run, "undone", undo=Undo.DONE, about=about)
    t.settle("settled", path=run.path, item=run.item, direction=Going.BACK)
    t.settle("settled", path=run.path, item=run.item, reason=Reason.LATE_SUCCESS)
    if run.undo_again:
        demand(t, run, once_more=True)


def stuck(t: Turn, run: Run, reason: Reason, about: dict[str, Any] | None = None) -> None:
    """A compensation needs a person."""
    t.rest(run)
    t.move(run, "stuck", undo=Undo.STUCK, about=about)
    _leave_other_troubles(t, run, Going.BACK, reason)
    t.incident(run, reason, run.code or str(reason), run.error)


def _told(run: Run, outcome: Outcome, pause: timedelta | None = None) -> dict[str, Any]:
    """What the journal says about an outcome: which kind it is, and why; `after` is the pause in seconds."""
    kind = type(outcome).__name__.lower()
    said = {} if isinstance(outcome, Succeeded) else {"outcome": kind, "error": run.error, "code": run.code}
    return said if pause is None else {**said, "after": round(pause.total_seconds(), 3)}
