"""What a message means to the saga that it is for.

begin     the business key it waited for is its own now
look      something was stored for it by a process that does not know its table
news      a child of it ended, is stuck, moves again, or waits for a participant that is held
cancel    its parent goes back; `undo` the same for a child that had completed
pause     its parent was paused; `resume` the same for the end of the pause
"""

from collections.abc import Callable

from sagas.models import Cause, Run, Saga, Work
from sagas.models.saga import Going
from sagas.record.children import born_of
from sagas.record.halting import pause, resume
from sagas.record.opening import begin_saga
from sagas.record.pivot import open_pivot
from sagas.record.settle import conclude, fold, hold, stuck, undone
from sagas.record.turn import FAR, Turn
from sagas.record.waiting import take_stored
from sagas.record.way_back import descend, never_begin, settle_debt, spare, spare_all, turn_back
from sagas.words.lifecycle import SagaState, StepState
from sagas.words.outcome import Happened, Refused, Succeeded
from sagas.words.plan import Event, Undo
from sagas.words.rows import Child
from sagas.words.verdict import Reason


def hear(t: Turn, message: Run) -> None:
    """Do what the message says, and forget it."""
    given = message.given or {}
    t.moves.append({"did": "heard", "message": given.get("verb", "news"), "by": given.get("by", "")})
    if "run" in given:
        run = t.run(pk=given["run"])
        if run is not None:
            look_at_child(t, run)
    else:
        VERBS[given["verb"]](t, given.get("by", "its parent"))
    t.heard(message)
    t.derive()


def _begin(t: Turn, by: str) -> None:
    if t.saga.state == SagaState.PENDING:
        begin_saga(t, t.definition)


def _look(t: Turn, by: str) -> None:
    take_stored(t)


def _cancel(t: Turn, by: str) -> None:
    saga, failure = t.saga, {"code": "cancelled", "error": "Its parent goes back.", "by": by}
    if saga.ended_at or saga.is_going_back or saga.committed_at:
        return
    if saga.state == SagaState.PENDING:
        never_begin(t, Cause.CANCELLED, failure)
    elif open_pivot(t) is not None:
        saga.wanted_back = Cause.CANCELLED
    else:
        turn_back(t, Cause.CANCELLED, failure)


def _undo(t: Turn, by: str) -> None:
    """A completed child is opened again, to undo itself by its own table."""
    saga = t.saga
    if saga.state != SagaState.COMPLETED or saga.committed_at:
        return
    saga.ended_at = None
    saga.going, saga.cause = Going.BACK, Cause.PARENT
    saga.failure = {"code": "parent", "error": "Its parent goes back.", "by": by}
    saga.decisions += 1
    t.become(SagaState.COMPENSATING)
    spare_all(t)
    descend(t)


def _pause(t: Turn, by: str) -> None:
    if not t.saga.ended_at:
        pause(t, by, "Its parent was paused.", children=True)


def _resume(t: Turn, by: str) -> None:
    if not t.saga.ended_at:
        resume(t, children=True)


VERBS: dict[str, Callable[[Turn, str], None]] = {
    "begin": _begin,
    "look": _look,
    "cancel": _cancel,
    "undo": _undo,
    "pause": _pause,
    "resume": _resume,
}


def look_at_child(t: Turn, run: Run) -> None:
    """Do what a child's state means for its row; a saga that has ended looks again if it is reopened."""
    row, child = t.row(run), born_of(run.pk).first()
    if child is None or not isinstance(row, Child) or t.saga.ended_at:
        return
    if child.parked_at is not None and t.saga.parked_at is None:
        t.saga.parked_at = t.now
    if run.undo in (Undo.RUNNING, Undo.STUCK):
        _while_undone(t, run, child)
    elif run.work == Work.WAITING or run.held:
        _while_forward(t, run, child)


def _while_undone(t: Turn, run: Run, child: Saga) -> None:
    direction = Going.BACK
    if child.state in (SagaState.COMPENSATED, SagaState.CANCELLED):
        if run.undo == Undo.STUCK:
            t.move(run, "demanded", undo=Undo.DUE)
            t.move(run, "told to undo", undo=Undo.RUNNING)
        undone(t, run)
        descend(t)
    elif child.state == SagaState.FAILED and run.undo == Undo.RUNNING:
        run.error, run.code = f"Saga {child.pk}, its child, was given up; effects of it may be left.", "child_failed"
        stuck(t, run, Reason.CHILD_FAILED)
        descend(t)
    elif child.state == SagaState.STUCK:
        t.incident(run, Reason.CHILD_STUCK, "child_stuck", f"Saga {child.pk}, its child, needs a person.")
        descend(t)
    else:
        t.settle("moves again", path=run.path, direction=direction, reason=Reason.CHILD_STUCK)


def _while_forward(t: Turn, run: Run, child: Saga) -> None:
    if run.held and run.code == "child_failed" and child.state != SagaState.FAILED:  # it had been given up and went on
        t.wait(run, FAR)
        t.move(run, "goes on", step=StepState.DUE)
        t.move(run, "waits", step=StepState.WAITING)
        fold(t, run, Event.FREED)
    match child.state:
        case SagaState.COMPLETED if run.work:
            run.happened = Happened.YES
            result = {"saga": str(child.pk), "state": child.state, "result": _last_result(child)}
            conclude(t, run, Succeeded(result=result), StepState.SUCCEEDED)
            _go_on(t, run, Event.PASSED)
        case SagaState.COMPENSATED | SagaState.CANCELLED if run.work:
            why = (child.failure or {}).get("error", "")
            run.happened = Happened.NO
            run.error, run.code = f"Saga {child.pk}, its child, is {child.state}: {why}", "child_undone"
            conclude(t, run, Refused(error=run.error, code=run.code), StepState.FAILED)
            _go_on(t, run, Event.FAILED)
        case SagaState.FAILED if run.work:
            run.error, run.code = (
                f"Saga {child.pk}, its child, was given up; effects of it may be left.",
                "child_failed",
            )
            conclude(t, run, Refused(error=run.error, code=run.code), StepState.FAILED)
            if t.saga.is_going_back or run.loser:
                _go_on(t, run, Event.FAILED)
            else:
                hold(t, run, Reason.CHILD_FAILED)
        case SagaState.STUCK:
            t.incident(run, Reason.CHILD_STUCK, "child_stuck", f"Saga {child.pk}, its child, needs a person.")
        case _:
            t.settle("moves again", path=run.path, direction=Going.FORWARD, reason=Reason.CHILD_STUCK)


def _go_on(t: Turn, run: Run, event: Event) -> None:
    row = t.row(run)
    if t.saga.is_going_back:
        spare(t, run)
        descend(t)
    elif run.loser:
        settle_debt(t, run)
    elif event is Event.FAILED and isinstance(row, Child) and row.on_failure == "incident":
        hold(t, run, Reason.REFUSED)
    else:
        fold(t, run, event)


def _last_result(child: Saga) -> object:
    """What the last row of the child's table came to."""
    last = Run.objects.filter(saga_id=child.pk, state=StepState.SUCCEEDED, seq__isnull=False).order_by("-seq").first()
    return last.result if last is not None else None
