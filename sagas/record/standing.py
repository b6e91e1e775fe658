"""The deadline of a saga stands still while a row of it, or of a child, waits for a participant that is held."""

from datetime import datetime, timedelta

from sagas.models import Run, Saga
from sagas.record.turn import Turn


def go_on(t: Turn) -> None:
    """When nothing is parked any more, however that came, the deadline goes on where it stood."""
    saga = t.saga
    if saga.parked_at is None or _is_parked(saga):
        return
    if saga.deadline_at is not None and saga.overdue_at is None:
        saga.deadline_at += max(t.latest - saga.parked_at, timedelta(0))
    saga.parked_at = None


def stand_longer(t: Turn, paused_at: datetime) -> None:
    """After a pause: what stood still for two reasons stood still once."""
    if t.saga.parked_at is None:
        return
    t.saga.parked_at += t.latest - max(paused_at, t.saga.parked_at)
    for run in t.runs(hold__isnull=False):
        if run.parked_at is not None:
            run.parked_at += t.latest - max(paused_at, run.parked_at)


def _is_parked(saga: Saga) -> bool:
    children = Saga.objects.live().filter(parent__saga_id=saga.pk, parked_at__isnull=False)
    return Run.objects.filter(saga_id=saga.pk, hold__isnull=False).exists() or children.exists()
