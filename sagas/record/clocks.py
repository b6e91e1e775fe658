"""Clocks of what waits: timers, time-outs, reminders, the deadline. Whoever commits first has won."""

from sagas.models import Cause, Run
from sagas.record.pivot import miss_the_deadline, open_pivot
from sagas.record.settle import conclude, fold, hold
from sagas.record.turn import Turn
from sagas.record.waiting import take_signal
from sagas.record.way_back import never_begin, turn_back
from sagas.words.lifecycle import SagaState, StepState
from sagas.words.outcome import Refused, Succeeded
from sagas.words.plan import Event
from sagas.words.rows import Approval, Sleep, Wait
from sagas.words.spans import span
from sagas.words.verdict import Reason


def expire(t: Turn, run: Run) -> None:
    """The time of something that waits has come; a signal that is there all the same counts first."""
    row = t.row(run)
    if take_signal(t, run):
        return
    match row:
        case Sleep():
            conclude(t, run, Succeeded(), StepState.SUCCEEDED)
            fold(t, run, Event.PASSED)
        case Approval() if run.ends_at is not None and run.at is not None and run.at < run.ends_at:
            _remind_later(t, run, row)
        case Wait() | Approval():
            _time_out(t, run, row)
    t.derive()


def _remind_later(t: Turn, run: Run, row: Approval) -> None:
    """People were told; when are they told again?"""
    run.at = min(t.latest + row.remind, run.ends_at or t.latest) if row.remind else run.ends_at
    run.asks += 1
    t.move(run, "reminded", about={"times": run.asks})


def _time_out(t: Turn, run: Run, row: Wait | Approval) -> None:
    patience = f" within {span(row.timeout)}" if row.timeout else ""
    run.error, run.code = f"Nothing came for {row.name}{patience}.", "timeout"
    conclude(t, run, Refused(error=run.error, code=run.code), StepState.TIMED_OUT)
    if row.on_timeout == "continue":
        fold(t, run, Event.PASSED)
    elif row.on_failure == "incident":
        hold(t, run, Reason.REFUSED)
    else:
        fold(t, run, Event.FAILED)


def reach_the_deadline(t: Turn) -> None:
    """Before the pivot the saga goes back; while the pivot is open, that waits for what becomes of it."""
    failure = {"code": "deadline", "error": "Its deadline passed."}
    if t.saga.state == SagaState.PENDING:
        never_begin(t, Cause.DEADLINE, failure)
    elif t.saga.committed_at is not None:
        miss_the_deadline(t)
    elif open_pivot(t) is not None:
        t.saga.overdue_at, t.saga.wanted_back = t.now, Cause.DEADLINE
        t.moves.append({"did": "deadline noted"})
    else:
        turn_back(t, Cause.DEADLINE, failure)
    t.derive()
