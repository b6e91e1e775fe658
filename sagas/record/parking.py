"""Steps of a participant that is held: parked when a worker comes upon them, let go when it is released.

A parked run is due in the far future, so nobody rings for it, looks at it or claims it, and its clocks stand still.
"""

from sagas.models import Run, Work
from sagas.record import holds
from sagas.record.turn import FAR, Turn
from sagas.words.rows import Step
from sagas.words.verdict import Doing


def park(t: Turn, run: Run) -> bool:
    """Park a due run whose participant is held; costs nothing while none is.

    This process may know of a hold that is over, so it asks the table, under the saga's lock.
    """
    if not holds.any_held() or run.kind != Run.Kind.STEP or run.doing == Doing.DECISION:
        return False
    names = _calls(t.step(run), Doing(run.doing))
    if not holds.may_be_held(t.saga.tenant, names, t.saga.pk):
        return False
    t.flush()  # without the lock, take it first
    hold = holds.hold_on(t.saga, names)
    if hold is None:
        return False
    t.hold(run)
    run.hold_id, run.parked_at = hold.pk, t.now
    run.work, run.at, run.rung_at = Work.DUE, FAR, None
    run.fence += 1
    t.saga.parked_at = t.saga.parked_at or t.now
    t.move(run, "parked", about={"participant": hold.participant, "by": hold.held_by})
    return True


def let_go(t: Turn, run: Run) -> None:
    """It is due now, and its patience goes on where it stood."""
    if run.since is not None and run.parked_at is not None and run.doing != Doing.COMPENSATION:
        run.since += t.latest - run.parked_at
    t.due(run, Doing(run.doing))
    t.move(run, "let go")


def _calls(step: Step, doing: Doing) -> tuple[str, ...]:
    """Whom this attempt would call."""
    match doing:
        case Doing.PROBE:
            return step.calls(step.probe)
        case Doing.COMPENSATION:
            return step.calls(step.compensation)
    return step.calls(step.action)
