"""The point of no return: is it open, is it passed, and what becomes of a deadline there."""

from sagas.models import Cause, Run, Work
from sagas.record.turn import Turn
from sagas.record.way_back import turn_back
from sagas.words.outcome import Happened, Outcome, Probed, Succeeded, Unstorable
from sagas.words.rows import Step
from sagas.words.verdict import Doing, Reason


def open_pivot(t: Turn) -> Run | None:
    """The pivot's run from the claim of its first attempt until every attempt of it is known not to have happened, or
    until it succeeded."""
    if t.saga.committed_at is not None or not t.definition.pivots:
        return None
    run = t.run(path=t.definition.pivots[0].path)
    if run is None:
        return None
    under_way = run.work == Work.RUNNING and run.doing != Doing.DECISION  # a local attempt leaves no doubt behind
    return run if under_way or run.happened != Happened.NO else None


def pass_the_pivot(t: Turn, run: Run, outcome: Outcome) -> None:
    """The pivot has succeeded: nothing turns back from here on. Or it is known not to have happened, and what was
    wanted while it was in doubt is done now. What landed late does not count here: it is not applied forward."""
    row, saga = t.row(run), t.saga
    if not isinstance(row, Step) or not row.pivot or run.doing == Doing.DECISION:
        return
    told = isinstance(outcome, Succeeded | Unstorable) or (isinstance(outcome, Probed) and outcome.landed)
    if told and run.happened == Happened.YES:
        commit(t, run)
    elif run.happened == Happened.NO and saga.wanted_back:
        turn_back(t, Cause(saga.wanted_back), {"code": saga.wanted_back, "error": "It was to go back by then."})


def commit(t: Turn, run: Run) -> None:
    """The point of no return is passed; a deadline that was noted until then is for a person."""
    saga = t.saga
    if saga.committed_at is not None:
        return
    saga.committed_at = t.now
    t.moves.append({"did": "committed", "step": run.path})
    if saga.overdue_at is not None:
        miss_the_deadline(t)
    saga.wanted_back = ""


def miss_the_deadline(t: Turn) -> None:
    """Past the pivot a deadline turns nothing back: a person is told, and the saga goes on."""
    t.saga.overdue_at = t.saga.overdue_at or t.now
    t.incident(None, Reason.DEADLINE, "deadline", "Its deadline has passed, and its pivot too: it only goes forward.")
