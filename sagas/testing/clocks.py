"""What happens next, and when."""

from collections.abc import Callable, Collection
from datetime import datetime, timedelta
from uuid import UUID

from sagas.conf import conf
from sagas.models import Incident, Run, Saga, Work
from sagas.models.saga import Going
from sagas.words.lifecycle import SagaState

AFTER = timedelta(milliseconds=2)
"""A clock is never early, so one looks at it a moment after its time."""

NEVER = 9999


Hears = Callable[[Run], datetime | None]


def next_by_itself(sagas: Collection[UUID], now: datetime, dead: Collection[UUID], hears: Hears) -> datetime | None:
    """When something happens that nobody is waited for: the next try, the take-over of what a worker left.

    It stands still before the end of what a saga waits for, where a person must look, and while a participant is
    held: a test says what happens then. A deadline that comes sooner comes. `hears` says when somebody hears of what is
    due and nobody came for.
    """
    found = [at for run in _runs(sagas) if (at := _by_itself(run, now, dead, hears)) is not None]
    if not found:
        return None
    at = min(found)
    return min([at, *(deadline for deadline in _deadlines(sagas) if deadline > now)])


def next_of_all(sagas: Collection[UUID], now: datetime) -> datetime | None:
    """The next time at which a clock is over, whatever it is."""
    times = [run.at for run in _runs(sagas) if run.at is not None and run.at.year < NEVER]
    return min((at for at in [*times, *_deadlines(sagas)] if at > now), default=None)


def _by_itself(run: Run, now: datetime, dead: Collection[UUID], hears: Hears) -> datetime | None:
    at = run.at
    if at is None or run.work == Work.WAITING or run.hold_id is not None or run.saga.state == SagaState.PENDING:
        return None
    if run.work == Work.RUNNING and run.worker in dead:
        at = now + conf().gone_after
    elif at <= now and run.work == Work.DUE:
        return hears(run)
    held = Incident.objects.open().filter(saga_id=run.saga_id, path=run.path, item=run.item, retried_at=None)
    if held.exists():
        return None
    waits = Run.objects.filter(saga_id=run.saga_id, work=Work.WAITING)
    patience = [wait.ends_at or wait.at for wait in waits]
    return None if any(end is not None and end < at for end in patience) else at


def _runs(sagas: Collection[UUID]) -> list[Run]:
    active = Run.objects.active().filter(saga__in=sagas, saga__paused_at=None)
    return list(active.select_related("saga"))


def _deadlines(sagas: Collection[UUID]) -> list[datetime]:
    still = {"paused_at": None, "parked_at": None}
    open_ones = Saga.objects.live().filter(pk__in=sagas, going=Going.FORWARD, overdue_at=None, **still)
    return [at for at in open_ones.values_list("deadline_at", flat=True) if at is not None]
