"""Who sends to a target: one process at a time, for as long as it says so.

A process that dies is followed by another one when its lease is over. One that was frozen and wakes up finds that the
lane is not its own any more; at worst it has sent once more what its successor sent, in the same order.
"""

from datetime import timedelta
from uuid import UUID

from django.db.models import Q

from gateway.pauses import doubling
from sagas.conf import conf
from sagas.models import EventLane
from sagas.record import clock

FIRST_PAUSE, LONGEST_PAUSE = timedelta(seconds=0.5), timedelta(seconds=30)


def hold(name: str, me: UUID) -> bool:
    """Is the lane this process's own, and not to be left alone for a while?"""
    now, lease = clock.now(), conf().event_lease
    lane = EventLane.objects.filter(pk=name).first()
    if lane is None:
        lane = EventLane.objects.get_or_create(pk=name)[0]
    if lane.pauses(now):
        return False
    if lane.holder == me and lane.held_until is not None and lane.held_until - now > lease / 2:
        return True
    free = Q(holder=None) | Q(holder=me) | Q(held_until__lte=now) | Q(held_until__gt=now + 2 * lease)
    return bool(EventLane.objects.filter(free, pk=name).update(holder=me, held_until=now + lease))


def let_go(name: str, me: UUID) -> None:
    """The next one need not wait for the lease's end."""
    EventLane.objects.filter(pk=name, holder=me).update(holder=None, held_until=None)


def outlive_all() -> None:
    """Nobody holds any lane: only for a process that holds the lock that makes it the only one."""
    EventLane.objects.update(holder=None, held_until=None)


def pause(name: str, me: UUID, why: str) -> None:
    """The target cannot be reached: leave it alone for a while, longer each time."""
    lane = EventLane.objects.filter(pk=name, holder=me).first()
    if lane is not None:
        now = clock.now()
        wait = doubling(lane.failures + 1, first=FIRST_PAUSE, longest=LONGEST_PAUSE)
        EventLane.objects.filter(pk=name, holder=me).update(
            failures=lane.failures + 1,
            resume_at=now + wait,
            failing_since=lane.failing_since or now,
            error=why[:300],
        )


def works(name: str) -> None:
    """The target can be reached; costs a write only if it could not before."""
    told = EventLane.objects.filter(pk=name, failures__gt=0)
    told.update(failures=0, resume_at=None, failing_since=None, error="")
