"""What is next for a notification: try a channel, wait, or end. Claims act on it, `dry_run` shows it."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from notifications.channels.channel import channels
from notifications.conf import Category, conf
from notifications.lifecycle import Status
from notifications.models import Notification, Reason, Receiver, Suppression
from notifications.quiet import quiet_until
from notifications.reader import reader_of
from notifications.route import Facts, Leg, Route, route
from notifications.sealed import marks_of
from notifications.window import window_end


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


@dataclass(frozen=True)
class Collect:
    """It waits for others of its kind, and is sent with them as one."""

    until: datetime
    why: str


@dataclass(frozen=True)
class Gather:
    """What it waited for is over: all that wait with it are made one."""


Next = Try | Wait | Over | Collect | Gather

GIVE_UP = timedelta(days=1)
"""So long a channel that there is not is waited for."""


def routed(notification: Notification) -> Route:
    """The way to the receiver, by what is known of it now."""
    return route(
        notification.channels, list(channels()), facts(notification), mandatory=category_of(notification).mandatory
    )


def plan(notification: Notification, way: Route, tried: Collection[str], now: datetime) -> Next:
    """Decide what is next, `tried` being the channels that have ended without success."""
    if notification.expires_at is not None and notification.expires_at <= now:
        return Over(Status.EXPIRED, "Its time was over before it could be sent.")
    leg = way.after(tried)
    if leg is not None:
        if (
            notification.digest_group
            and not notification.tries
            and (next_ := _with_others(notification, now)) is not None
        ):
            return next_
        until = _quiet(notification, now)
        return Try(leg) if until is None else Wait(until, "The receiver's quiet hours.")
    over = _closed(way)
    if over.status == Status.FAILED and now - notification.created_at < GIVE_UP:
        # Somebody may have taken a provider out of the settings by mistake.
        return Wait(now + conf().longest_pause, over.why, Status.QUEUED)
    return over


def category_of(notification: Notification) -> Category:
    """What holds for its kind of message."""
    return conf().category(notification.category)


def profile_of(tenant: str, receiver: Mapping[str, Any]) -> Receiver | None:
    """What is kept of the receiver, if the request names it by its id and there is something."""
    key = receiver.get("id")
    return None if key is None else Receiver.objects.filter(tenant=tenant, key=key).first()


def addresses_of(receiver: Mapping[str, Any], profile: Receiver | None) -> dict[str, str]:
    """By kind: those of the request, and those that are kept."""
    return {**(profile.addresses if profile else {}), **receiver}


def facts(notification: Notification) -> Facts:
    """What is known of a receiver."""
    profile = profile_of(notification.tenant, notification.receiver)
    known = addresses_of(notification.receiver, profile)
    open_channels = channels()
    addresses = {name: known[found.address] for name, found in open_channels.items() if found.address in known}
    dead, unwanted = _suppressed(notification, addresses)
    if profile is not None:
        unwanted |= {name for name in addresses if not profile.wants(notification.category, name)}
    return Facts(addresses=addresses, dead=dead, unwanted=unwanted)


def _suppressed(notification: Notification, addresses: Mapping[str, str]) -> tuple[dict[str, str], set[str]]:
    """The channels whose address is dead, with the reason, and those whose owner has unsubscribed."""
    dead: dict[str, str] = {}
    unwanted: set[str] = set()
    known = {name: marks_of(address) for name, address in addresses.items()}
    rows = Suppression.objects.filter(
        tenant=notification.tenant,
        mark__in=[found for each in known.values() for found in each],
        channel__in=list(addresses),
        category__in=["", notification.category],
    )
    for row in rows:
        if row.mark not in known[row.channel]:
            continue
        if row.reason == Reason.UNSUBSCRIBED:
            unwanted.add(row.channel)
        else:
            dead[row.channel] = f"The address is suppressed: {row.get_reason_display()}."
    return dead, unwanted


def _with_others(notification: Notification, now: datetime) -> Collect | Gather | None:
    """None: it would be over before its window is, so it goes by itself."""
    if notification.collected_until is not None:
        waits = notification.collected_until > now
        return Collect(notification.collected_until, notification.error) if waits else Gather()
    profile = profile_of(notification.tenant, notification.receiver)
    clock = reader_of(notification.receiver, profile).clock
    ends = window_end(now, clock, category_of(notification).digest or conf().digest)
    until = _quiet(notification, ends) or ends
    if notification.expires_at is not None and notification.expires_at <= until:
        return None
    return Collect(until, "It is collected with others, and sent as one with them then.")


def _quiet(notification: Notification, now: datetime) -> datetime | None:
    if not category_of(notification).quiet:
        return None
    profile = profile_of(notification.tenant, notification.receiver)
    zone = reader_of(notification.receiver, profile).zone
    hours = conf().quiet_hours
    if profile is not None and profile.quiet_from is not None and profile.quiet_to is not None:
        hours = (profile.quiet_from, profile.quiet_to)
    return quiet_until(now, zone, *hours) if zone and hours else None


def _closed(way: Route) -> Over:
    """The kindest reason: somebody who does not want it outweighs a dead address, and that a missing one."""
    for status in (Status.SKIPPED, Status.SUPPRESSED, Status.FAILED):
        for closed in way.closed:
            if closed.status == status:
                return Over(status, f"{closed.channel}: {closed.why}")
    return Over(Status.FAILED, "No channel leads to the receiver at the moment.")
