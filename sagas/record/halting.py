"""Paused: nothing new is claimed, and the clocks of the saga's patience stand still."""

from sagas.models import Run, Work
from sagas.record.turn import Turn
from sagas.record.waiting import shift, take_stored
from sagas.record.way_back import tell_child


def pause(t: Turn, by: str, why: str, *, children: bool) -> None:
    """Running attempts finish and are recorded; signals are stored, and taken after the pause."""
    if t.saga.paused_at is None:
        t.saga.paused_at, t.saga.paused_by, t.saga.paused_why = t.now, by[:150], why
        t.moves.append({"did": "paused", "by": by})
    if children:
        _tell_children(t, "pause")


def resume(t: Turn, *, children: bool) -> None:
    """Clocks go on where they stood; what came meanwhile is taken before any of them fires."""
    since = t.saga.paused_at
    if since is not None:
        shift(t, since)
        t.saga.paused_at, t.saga.paused_by, t.saga.paused_why = None, "", ""
        t.moves.append({"did": "resumed"})
        take_stored(t)
        for run in t.runs(work=Work.DUE, at__lte=t.now):
            run.rung_at = t.now
    if children:
        _tell_children(t, "resume")


def _tell_children(t: Turn, verb: str) -> None:
    for run in t.runs(kind=Run.Kind.CHILD, work=Work.WAITING):
        tell_child(t, run, verb)
