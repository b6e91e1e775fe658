"""What an attempt came to, for its step and for the saga; the end of every attempt, recorded or taken back."""

from datetime import timedelta
from typing import Any

from sagas.lifecycle import SagaState, StepState
from sagas.models import Cause, Run
from sagas.models.saga import Going
from sagas.outcome import Happened, Lost, Outcome, Probed, Refused, Succeeded, Unstorable, learn
from sagas.payload import text
from sagas.plan import Do, Event, Finish, TurnBack, Undo, forward
from sagas.turn import Turn
from sagas.verdict import Again, Ask, Doing, Drained, Fail, Skip, Standing, Succeed, Suspend, Undone, Verdict, judge
from sagas.way_back import demand, descend, end, spare, turn_back


def settle(t: Turn, run: Run, outcome: Outcome) -> None:
    """Learn from the outcome, judge it, and move the step and the saga on."""
    step, doing = t.step(run), Doing(run.doing)
    if not isinstance(outcome, Lost) or not outcome.died:
        run.crashes = 0
    if doing is Doing.ACTION:
        run.happened = learn(Happened(run.prior), outcome)
    elif doing is Doing.PROBE:
        run.happened = learn(Happened(run.happened), outcome, final=step.probe_is_final)
    run.error, run.code = text(getattr(outcome, "error", "")), getattr(outcome, "code", "")[:100]
    verdict = judge(step, _standing(t, run, outcome), outcome)
    if doing is Doing.COMPENSATION:
        _undo(t, run, outcome, verdict)
    else:
        _advance(t, run, outcome, verdict)


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
        going_back=t.saga.is_going_back,
    )


def _advance(t: Turn, run: Run, outcome: Outcome, verdict: Verdict) -> None:
    """Forward: the step's new state, folded into the saga's position, and the move that follows."""
    event = _settle_step(t, run, outcome, verdict)
    if t.saga.is_going_back:
        spare(t, run)
        descend(t)
        return
    t.position, move = forward(t.definition, t.position, run.path, event)
    match move:
        case Do(steps=steps):
            for path in steps:
                t.open(path)
        case TurnBack():
            turn_back(t, Cause.FAILED_STEP, {"step": run.path, "item": run.item, "code": run.code, "error": run.error})
        case Finish():
            end(t, SagaState.COMPLETED)
    if not t.saga.ended_at and not t.saga.is_going_back:
        t.become(SagaState.RUNNING if t.position.busy else SagaState.STUCK)


def _settle_step(t: Turn, run: Run, outcome: Outcome, verdict: Verdict) -> Event:
    match verdict:
        case Succeed():
            _conclude(t, run, outcome, StepState.SUCCEEDED)
            return Event.PASSED
        case Skip():
            _conclude(t, run, outcome, _failed_as(run, outcome))
            if run.state != StepState.SUCCEEDED:
                t.move(run, "skipped", step=StepState.SKIPPED)
            return Event.PASSED
        case Fail() | Drained():
            _conclude(t, run, outcome, _failed_as(run, outcome))
            return Event.FAILED
        case Again(delay=delay):
            t.due(run, Doing.ACTION, delay)
            t.move(run, "again", step=StepState.DUE, about=_told(run, outcome, delay))
            return Event.AGAIN
        case Ask(delay=delay):
            run.asks = run.asks if run.doing == Doing.PROBE else 0
            t.due(run, Doing.PROBE, delay)
            t.move(run, "to ask", step=StepState.UNKNOWN, about=_told(run, outcome, delay))
            return Event.AGAIN
        case Suspend(reason=reason):
            t.rest(run)
            state = StepState.UNKNOWN if run.happened != Happened.NO else StepState.FAILED
            t.move(run, "held", step=state, about=_told(run, outcome))
            t.incident(run, reason, run.code or str(reason), run.error)
            return Event.HELD
    raise AssertionError(f"{verdict!r} is no verdict on a way forward")


def _conclude(t: Turn, run: Run, outcome: Outcome, state: StepState) -> None:
    """The step will not be tried again by itself."""
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
            t.rest(run)
            t.move(run, "undone", undo=Undo.DONE, about=_told(run, outcome))
            t.settle("settled", path=run.path, item=run.item, direction=Going.BACK)
        case Suspend(reason=reason):
            t.rest(run)
            t.move(run, "stuck", undo=Undo.STUCK, about=_told(run, outcome))
            t.incident(run, reason, run.code or str(reason), run.error)
    if run.undo_again and run.undo != Undo.STUCK:
        demand(t, run, once_more=True)
    descend(t)


def _told(run: Run, outcome: Outcome, pause: timedelta | None = None) -> dict[str, Any]:
    """What the journal says about an outcome; `after` is the pause in seconds."""
    said = {} if isinstance(outcome, Succeeded) else {"error": run.error, "code": run.code}
    return said if pause is None else {**said, "after": round(pause.total_seconds(), 3)}
