"""How much one receiver is sent within an hour: a limit for each category, and one for each channel.

A message takes its place when it is first tried through a channel; further tries of it take none. What is mandatory is
never held up, and takes no place. The limit is exact: no sixty minutes see more than it says, whatever the workers do,
since whoever counts holds the row that is counted in.
"""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from django.db import transaction
from django.db.models.functions import Now

from notifications.conf import Category, conf
from notifications.models import Allowance, Notification
from notifications.route import Leg

HOUR = timedelta(hours=1)
BATCH = 1000


@dataclass(frozen=True, kw_only=True)
class Limit:
    """So many an hour at most, of what is counted under one key; `what` says it in words."""

    key: str
    most: int
    what: str


@dataclass(frozen=True, kw_only=True)
class Full:
    """There is no place now; there is one then."""

    until: datetime
    why: str


def limits_of(notification: Notification, leg: Leg, category: Category) -> list[Limit]:
    """What bounds this message on this way; nothing where it is mandatory."""
    if category.mandatory:
        return []
    place = notification.tenant, leg.channel, leg.address
    found = []
    if category.per_hour:
        what = f"{category.per_hour} an hour of the category {notification.category} through {leg.channel}"
        found.append(Limit(key=_key(notification.category, *place), most=category.per_hour, what=what))
    if most := conf().per_hour.get(leg.channel, 0):
        found.append(Limit(key=_key("", *place), most=most, what=f"{most} an hour through {leg.channel}"))
    return found


def full(limits: Sequence[Limit], now: datetime, *, lock: bool = False) -> Full | None:
    """Whether one of the limits is reached, and until when. `lock`: nobody else counts until the transaction ends."""
    if not limits:
        return None
    keys = sorted(limit.key for limit in limits)
    rows = _locked(keys, now) if lock else list(Allowance.objects.filter(pk__in=keys))
    times = {row.pk: _recent(row, now) for row in rows}
    reached = [_reached(limit, times.get(limit.key, [])) for limit in limits]
    return max((found for found in reached if found is not None), key=lambda found: found.until, default=None)


def take(limits: Sequence[Limit], now: datetime) -> None:
    """Take a place under each of the limits, of which none is reached; under the lock."""
    rows = Allowance.objects.in_bulk([limit.key for limit in limits])
    for row in rows.values():
        row.times, row.over_at = sorted([*_recent(row, now), now.timestamp()]), now + HOUR
        row.save(update_fields=["times", "over_at"])


def forget() -> None:
    """Take out rows that say nothing any more; as many as one sweep may."""
    with transaction.atomic():
        over = Allowance.objects.filter(over_at__lte=Now()).order_by("over_at")
        keys = list(over.select_for_update(skip_locked=True).values_list("pk", flat=True)[:BATCH])
        Allowance.objects.filter(pk__in=keys).delete()


def _locked(keys: Sequence[str], now: datetime) -> list[Allowance]:
    """All of them, locked in one order, so that two messages cannot wait for each other."""
    while True:
        new = [Allowance(pk=key, over_at=now + HOUR) for key in keys]
        Allowance.objects.bulk_create(new, ignore_conflicts=True)
        rows = list(Allowance.objects.filter(pk__in=keys).order_by("pk").select_for_update())
        if len(rows) == len(keys):  # else a sweep took one out in between
            return rows


def _reached(limit: Limit, times: Sequence[float]) -> Full | None:
    if len(times) < limit.most:
        return None
    frees = datetime.fromtimestamp(times[-limit.most], tz=UTC) + HOUR
    return Full(until=frees, why=f"The receiver has had {limit.what}.")


def _recent(row: Allowance, now: datetime) -> list[float]:
    begins = (now - HOUR).timestamp()
    return [time for time in row.times if time > begins]


def _key(*parts: str) -> str:
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()
