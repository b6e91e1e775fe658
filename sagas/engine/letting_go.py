"""The sweep's part of a release: what waits for a participant that is not held any more is let go, at its rate.

And of a canary: what waits of its family, which may call a participant that is held.

Any number of sweeps may do this at once: each takes its share of the time that has passed, and a step is let go under
its saga's lock, once. What was parked by a worker that had not heard of the release is found as well, for a day.
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial
from uuid import UUID

from django.db.models import F

from gateway.borrowing import borrowed
from sagas.models import Hold, Run
from sagas.record.holds import family_of
from sagas.record.locked import turn
from sagas.record.parking import let_go
from sagas.record.turn import Bell
from sagas.words import boundaries

AT_ONCE = 5000
"""So many in one sweep at most, where no rate is given."""
UNUSED = timedelta(seconds=10)
"""What of a rate was not used for longer is not made up for."""

Survive = Callable[[Run, Callable[[], tuple[Bell, ...]]], None]


def let_go_all(now: datetime, survive: Survive) -> None:
    """Let go what may be let go now; `survive` calls for one step, and outlives what that raises."""
    with borrowed():
        lately = list(Hold.objects.lately(now).order_by("id"))
    for hold in lately:
        if hold.is_in_force(now):
            _let_canaries_go(hold, survive)
    for hold in (hold for hold in lately if not hold.is_in_force(now)):
        share = _share(hold, now)
        with borrowed():
            waiting = Run.objects.filter(hold=hold, saga__paused_at=None).select_related("saga").order_by("id")
            runs = list(waiting[:share]) if share else []
        for run in runs:
            survive(run, partial(_let_go, run))
        if runs:
            _note(hold, let_go=F("let_go") + len(runs))
        elif share and hold.ended_at is None and not Run.objects.filter(hold=hold).exists():
            _note(hold, ended_at=now)


def _let_canaries_go(hold: Hold, survive: Survive) -> None:
    """What was parked of a canary, or of a child of it, before a worker knew that it may pass."""
    if not hold.canaries:
        return
    with borrowed():
        family = family_of(UUID(canary["saga"]) for canary in hold.canaries)
        waiting = Run.objects.filter(hold=hold, saga__in=family, saga__paused_at=None)
        runs = list(waiting.select_related("saga").order_by("id")[:AT_ONCE])
    for run in runs:
        survive(run, partial(_let_go, run))


def _share(hold: Hold, now: datetime) -> int:
    """How many may go now; that time is used up then, whoever asked first."""
    if hold.released_at is None:  # its time is over
        with borrowed():
            mine = Hold.objects.filter(pk=hold.pk, released_at=None, until=hold.until)
            if not mine.update(released_at=now, released_by="its end", let_go_at=now):
                return 0
            boundaries.committed("noted")
    if hold.rate is None or hold.ended_at is not None:
        return AT_ONCE
    since = max(hold.let_go_at or now, now - UNUSED)
    share = int(hold.rate * (now - since).total_seconds())
    with borrowed():
        mine = Hold.objects.filter(pk=hold.pk, let_go_at=hold.let_go_at, released_at=hold.released_at)
        # Another sweep may have used up time that this one has not seen yet.
        if share <= 0 or not mine.update(let_go_at=now):
            return 0
        boundaries.committed("noted")
    return share


def _let_go(run: Run) -> tuple[Bell, ...]:
    with turn(run.saga_id, "sweep") as t:
        parked = t.run(pk=run.pk, hold_id=run.hold_id)
        if parked is not None and not t.saga.paused_at:
            let_go(t, parked)
            t.derive()
    return t.bells


def _note(hold: Hold, **changes: object) -> None:
    with borrowed():
        if Hold.objects.filter(pk=hold.pk, ended_at=hold.ended_at).update(**changes):
            boundaries.committed("noted")
