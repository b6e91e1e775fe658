"""Going back: turn round, and undo in strict reverse order of start."""

from typing import Any

from sagas.conf import conf
from sagas.lifecycle import SagaState, StepState
from sagas.models import Cause, Run, Work
from sagas.models.saga import Going
from sagas.outcome import Happened
from sagas.plan import Await, Compensate, Finish, Rest, Top, Undo, backward
from sagas.turn import Turn
from sagas.verdict import Doing


def turn_back(t: Turn, cause: Cause, failure: dict[str, Any]) -> None:
    """From here on the saga only undoes: what had not begun never will, what runs may still tell how it went."""
    saga = t.saga
    saga.going, saga.cause, saga.failure = Going.BACK, cause, failure
    saga.decisions += 1
    t.settle("superseded", direction=Going.FORWARD)
    t.become(SagaState.COMPENSATING)
    for run in t.runs(work__isnull=False):
        if run.work == Work.RUNNING:
            run.at = min(run.at or t.now, t.latest + conf().drain)
        else:
            unknown = run.happened != Happened.NO
            t.rest(run)
            t.move(run, "called off", step=StepState.UNKNOWN if unknown else StepState.CANCELLED)
    for run in t.runs(undo=Undo.OWED, happened=Happened.NO, work__isnull=True):
        spare(t, run)
    descend(t)


def spare(t: Turn, run: Run) -> None:
    """What is known not to have happened need not be undone."""
    if run.undo == Undo.OWED and run.happened == Happened.NO:
        t.move(run, "spared", undo=Undo.UNNEEDED)


def descend(t: Turn) -> None:
    """Do what the top of the stack asks for."""
    run = t.top()
    top = None
    if run is not None:
        top = Top(running=run.work == Work.RUNNING and run.doing != Doing.COMPENSATION, undo=Undo(run.undo))
    match backward(top):
        case Compensate() if run is not None:
            demand(t, run)
        case Await():
            t.become(SagaState.COMPENSATING)
        case Rest():
            under_way = t.runs(work__isnull=False)
            t.become(SagaState.COMPENSATING if under_way else SagaState.STUCK)
        case Finish():
            end(t, SagaState.CANCELLED if t.saga.cause == Cause.CANCELLED else SagaState.COMPENSATED)


def demand(t: Turn, run: Run, *, once_more: bool = False) -> None:
    """The compensation is due now, with a fresh budget; `once_more` under a key of its own."""
    if once_more or run.undo_round == 0:
        run.undo_round += 1
        run.undo_tried = False
    run.undo_again = False
    run.tries = run.crashes = 0
    run.since = None
    t.due(run, Doing.COMPENSATION)
    t.move(run, "demanded", undo=Undo.DUE, about={"round": run.undo_round})
    t.become(SagaState.COMPENSATING)


def end(t: Turn, state: SagaState) -> None:
    """The saga has ended."""
    t.saga.ended_at = t.now
    t.settle("ended")
    t.become(state)
