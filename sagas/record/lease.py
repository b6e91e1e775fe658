"""What a running attempt may ask of the database: is it still mine, and may I have more time?"""

from collections.abc import Collection
from datetime import timedelta
from typing import Any

from gateway.borrowing import borrowed
from sagas.errors import TurnedBack
from sagas.models import Run, Saga, Work
from sagas.models.saga import Going
from sagas.record import clock
from sagas.record.payload import pack
from sagas.words import boundaries
from sagas.words.verdict import Doing


def confirm(run: Run) -> None:
    """Raises `TurnedBack` when the attempt is not this worker's any more, or goes forward in a saga that goes back."""
    with borrowed():
        saga = Saga.objects.filter(pk=run.saga_id, **_direction(run))
        if not saga.filter(runs__pk=run.pk, runs__fence=run.fence).exists():
            raise TurnedBack(f"{run.path} was given up or turned back; what it did so far is undone or repeated.")


def renew(run: Run, heartbeat: timedelta | None, progress: Any, known: Collection[str] = ()) -> None:
    """A heartbeat: the lease lasts another period, never beyond the attempt's end. Raises like `confirm`."""
    with borrowed():
        mine = Run.objects.filter(pk=run.pk, fence=run.fence, work=Work.RUNNING)
        changes: dict[str, Any] = {"progress": pack(progress, known)} if progress is not None else {}
        if heartbeat is not None and run.ends_at is not None:
            changes["at"] = min(run.ends_at, clock.now() + heartbeat)
        if changes:
            going = Saga.objects.filter(pk=run.saga_id, **_direction(run))
            if mine.filter(saga__in=going).update(**changes):
                boundaries.committed("renewed")
    confirm(run)


def _direction(run: Run) -> dict[str, str]:
    """Only what goes forward is stopped when the saga turns back."""
    return {} if run.doing == Doing.COMPENSATION else {"going": Going.FORWARD}
