"""What is next for a notification: try a channel, wait, or end. Claims act on it, `dry_run` shows it."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from notifications.channels.channel import channels
from notifications.conf import Category, conf
from notifications.lifecycle import Status
from notifications.models import Notification
from notifications.route import Facts, Leg, Route, route


@dataclass(frozen=True)
class Try:
    """This channel is next."""

    leg: Leg


@dataclass(frozen=True)
class Wait:
    """Nothing before then."""

    until: datetime
    why: str
    status: Status = Status.SCHEDULED


@dataclass(frozen=True)
class Over:
    """Nothing more is tried."""

    status: Status
    why: str


Next = Try | Wait | Over

GIVE_UP = timedelta(days=1)
"""So long a channel that there is not is waited for."""


def routed(notification: Notification) -> Route:
    """The way to the receiver, by what is known of it now."""
    return route(
        notification.channels,
        list(channels()),
        facts(notification.receiver),
        mandatory=category_of(notification).mandatory,
    )


def plan(notification: Notification, way: Route, tried: Collection[str], now: datetime) -> Next:
    """Decide what is next, `tried` being the channels that have ended without success."""
    if notification.expires_at is not None and notification.expires_at <= now:
        return Over(Status.EXPIRED, "Its time was over before it could be sent.")
    leg = way.after(tried)
    if leg is not None:
        return Try(leg)
    over = _closed(way)
    if over.status == Status.FAILED and now - notification.created_at < GIVE_UP:
        # Somebody may have taken a provider out of the settings by mistake.
        return Wait(now + conf().longest_pause, over.why, Status.QUEUED)
    return over


def category_of(notification: Notification) -> Category:
    """What holds for its kind of message."""
    return conf().category(notification.category)


def facts(receiver: Mapping[str, Any]) -> Facts:
    """What is known of a receiver."""
    kinds = {name: found.address for name, found in channels().items()}
    return Facts(addresses={name: receiver[kind] for name, kind in kinds.items() if kind in receiver})


def _closed(way: Route) -> Over:
    """The kindest reason: somebody who does not want it outweighs a dead address, and that a missing one."""
    for status in (Status.SKIPPED, Status.SUPPRESSED, Status.FAILED):
        for closed in way.closed:
            if closed.status == status:
                return Over(status, f"{closed.channel}: {closed.why}")
    return Over(Status.FAILED, "No channel leads to the receiver at the moment.")
