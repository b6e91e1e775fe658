"""What rows wait for: signals, people's decisions, and clocks."""

from datetime import datetime, timedelta
from typing import Any

from sagas.models import Journal, Run, Signal, Work
from sagas.record.standing import stand_longer
from sagas.record.turn import FAR, Turn
from sagas.words.lifecycle import StepState
from sagas.words.rows import Wait
from sagas.words.verdict import Doing


def take_signal(t: Turn, run: Run) -> bool:
    """The wait takes the first signal of its name that is left; a worker then asks whether it is accepted."""
    row = t.row(run)
    if t.saga.paused_at or run.work != Work.WAITING or not isinstance(row, Wait):
        return False
    signal = t.untaken(row.signal)
    if signal is None:
        return False
    Signal.objects.filter(pk=signal.pk).update(taken_by=run, taken_at=t.now)
    answer(t, run, {"signal": signal.pk, "payload": signal.payload})
    t.move(run, "took", about={"signal": row.signal, "id": signal.dedup_id})
    return True


def first_opened(waits: list[Run]) -> list[Run]:
    """What waits, in the order in which it was opened; a row whose functions were asked opens later than it began."""
    return sorted(waits, key=lambda run: (run.since or FAR, run.pk))


def answer(t: Turn, run: Run, given: dict[str, Any]) -> None:
    """Something came for a row that waits: a worker decides what it means. From now on its clock is off."""
    run.given = given
    run.tries = run.crashes = 0
    t.due(run, Doing.DECISION)


def take_stored(t: Turn) -> None:
    """After a pause: open waits take what came meanwhile, the wait that was opened first before the others."""
    for run in first_opened(t.runs(work=Work.WAITING, kind__in=[Run.Kind.WAIT, Run.Kind.APPROVAL])):
        if run.kind == Run.Kind.APPROVAL and run.given:
            answer(t, run, run.given)
            t.move(run, "took")
        else:
            take_signal(t, run)


def shift(t: Turn, paused_at: datetime) -> None:
    """After a pause the clocks of the saga's patience go on where they stood when it began."""
    if t.saga.deadline_at is not None and t.saga.overdue_at is None:
        begun = max(_deadline_set_at(t, paused_at), t.saga.start_at or t.saga.created_at)
        t.saga.deadline_at += max(t.latest - begun, timedelta(0))
    stand_longer(t, paused_at)
    for run in t.runs(
        ended_at=None, state__in=[StepState.DUE, StepState.RUNNING, StepState.UNKNOWN, StepState.WAITING]
    ):
        if run.since is None or run.doing == Doing.COMPENSATION:
            continue
        by = max(t.latest - max(paused_at, run.since), timedelta(0))
        if run.work == Work.WAITING and run.relative and run.at is not None and run.at.year < 9999:
            run.at += by
            run.ends_at = run.ends_at + by if run.ends_at and run.ends_at.year < 9999 else run.ends_at
        run.since += by
    t.saga.clock_offset += t.latest - paused_at


def _deadline_set_at(t: Turn, paused_at: datetime) -> datetime:
    """When an operator moved the deadline during the pause; else the pause's begin."""
    rows = Journal.objects.filter(saga_id=t.saga.pk, at__gte=paused_at).order_by("-rev")
    moved = (row.at for row in rows if any(move.get("did") == "deadline moved" for move in row.moves))
    return next(moved, paused_at)
