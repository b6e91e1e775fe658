"""What a worker still has to say after its token died: stored, never applied forward."""

from typing import Any
from uuid import UUID

from gateway.borrowing import borrowed
from sagas.models import Journal, Run, Saga, Work
from sagas.record.locked import turn
from sagas.record.payload import text
from sagas.record.turn import Bell, Turn
from sagas.record.way_back import demand, descend
from sagas.words.outcome import Happened, Outcome, Probed, Refused, Succeeded, Unstorable
from sagas.words.plan import Undo
from sagas.words.verdict import Doing, Reason


def is_echo(claimed: Run, worker: UUID) -> tuple[Saga, Run | None] | None:
    """Did this worker itself record that attempt, in a commit whose answer was lost?

    Then the saga, and the run that the same transaction claimed for this worker. The journal knows: the move that
    ends an attempt names the fence that came after it.
    """
    with borrowed():
        rows = Journal.objects.filter(saga_id=claimed.saga_id, actor=str(worker)).order_by("-rev")[:50]
        mine = next((row for row in rows if any(_ended(move, claimed) for move in row.moves)), None)
        if mine is None:
            return None
        saga = Saga.objects.get(pk=claimed.saga_id)
        claims = [move for move in mine.moves if move.get("did") in ("claimed", "asked")]
        names = {(move["step"], move["item"], move["fence"]) for move in claims}
        running = Run.objects.filter(saga_id=saga.pk, work=Work.RUNNING, worker=worker)
        return saga, next((run for run in running if (run.path, run.item, run.fence) in names), None)


def came_late(saga_id: UUID, claimed: Run, outcome: Outcome, worker: UUID) -> tuple[Bell, ...]:
    """Store a late outcome; returns who must be rung.

    A late success is knowledge: where the saga goes back it is undone, once more if need be.
    """
    with turn(saga_id, str(worker)) as t:
        run = t.run(pk=claimed.pk)
        if run is None:
            return ()
        landed = claimed.doing in (Doing.ACTION, Doing.PROBE) and _landed(outcome)
        if landed or run.late is None:
            run.late = {"doing": claimed.doing, "fence": claimed.fence, "at": t.now.isoformat(), **_spoken(outcome)}
        t.move(run, "late", about={"outcome": type(outcome).__name__.lower(), "of": claimed.fence})
        if landed and run.happened != Happened.YES:
            run.happened = run.prior = Happened.YES
            undo_what_landed(t, run)
    return t.bells


def undo_what_landed(t: Turn, run: Run) -> None:
    """Undo, once more if need be, what is not wanted any more; on an ended saga a person decides."""
    unwanted = t.saga.ended_at or t.saga.is_going_back or run.loser
    if t.saga.ended_at or run.undo in (Undo.NONE, Undo.WAIVED):
        if unwanted and not t.step(run).reads_only:
            t.incident(run, Reason.LATE_SUCCESS, "late_success", "It happened after all, and nothing will undo it.")
        return
    if not unwanted:
        return
    match run.undo:
        case Undo.UNNEEDED:
            demand(t, run)
        case Undo.DONE:
            demand(t, run, once_more=True)
        case Undo.DUE if run.undo_tried:  # its key has been used, so what landed since needs another
            demand(t, run, once_more=True)
        case Undo.RUNNING | Undo.STUCK:
            run.undo_again = True
    descend(t)


def _landed(outcome: Outcome) -> bool:
    match outcome:
        case Succeeded() | Unstorable() | Refused(partly=True) | Probed(landed=True):
            return True
    return False


def _spoken(outcome: Outcome) -> dict[str, Any]:
    match outcome:
        case Succeeded(result=result) | Probed(landed=True, result=result) | Refused(partly=True, done=result):
            return {"outcome": "succeeded", "result": result}
    return {"outcome": type(outcome).__name__.lower(), "error": text(getattr(outcome, "error", ""))}


def _ended(move: dict[str, Any], claimed: Run) -> bool:
    same = move.get("step") == claimed.path and move.get("item") == claimed.item
    return same and move.get("fence") == claimed.fence + 1 and move.get("did") not in ("claimed", "asked")
