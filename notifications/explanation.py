"""What would happen to a notification now, and why: the route, the reasons, the words. Nothing is kept or sent."""

from datetime import datetime
from typing import Any

from django.utils import timezone

from notifications import wording
from notifications.allowances import full, limits_of
from notifications.channels.channel import providers_of
from notifications.lifecycle import Status
from notifications.models import Notification, ProviderHealth, Subscriber
from notifications.plan import Collect, Over, Try, Wait, category_of, plan, profile_of, routed
from notifications.providers import is_open
from notifications.reader import reader_of
from notifications.route import Route
from notifications.topics import TOPIC


def explain(notification: Notification) -> dict[str, Any]:
    """`outcome` says it in a word, `why` in a sentence; `route` and `closed` list every channel."""
    now = timezone.now()
    notification.created_at = now
    if TOPIC in notification.receiver:
        return _spread(notification) | _words(notification)
    due_at = notification.due_at if notification.status == "scheduled" else now
    way = routed(notification)
    return {
        **_next(notification, way, due_at or now, later=due_at is not None and due_at > now),
        "category": notification.category,
        "expires_at": notification.expires_at,
        **_words(notification),
        **_way(way),
    }


def _next(notification: Notification, way: Route, at: datetime, *, later: bool) -> dict[str, Any]:
    match plan(notification, way, set(), at):
        case Try(leg):
            category = category_of(notification)
            reached = full(limits_of(notification, leg, category), at)
            if reached is not None:
                outcome = {"drop": Status.SKIPPED, "digest": Status.DIGESTED}.get(category.over, Status.SCHEDULED)
                until = None if outcome == Status.SKIPPED else reached.until
                return {"outcome": str(outcome), "why": reached.why, "at": until}
            return {"outcome": "scheduled" if later else "sent", "why": f"It goes through {leg.channel}.", "at": at}
        case Collect(until, why):
            return {"outcome": str(Status.DIGESTED), "why": why, "at": until}
        case Wait(until, why, status):
            return {"outcome": str(status), "why": why, "at": until}
        case Over(status, why):
            return {"outcome": str(status), "why": why, "at": None}
    raise AssertionError("nothing is gathered that was not collected")


def _words(notification: Notification) -> dict[str, Any]:
    """What is said, with which template, in which language and by which clock, and why."""
    receiver = notification.receiver
    reader = reader_of(receiver, profile_of(notification.tenant, receiver))
    shown: dict[str, Any] = {"content": notification.content, "template": notification.template or None}
    if notification.template:
        found = wording.published(notification.tenant, notification.template.rpartition(" ")[0])
        why = wording.chosen(found, reader.locales).why if found else ""
        shown |= {
            "locale": {"chosen": notification.locale, "wished": list(reader.locales), "why": why},
            "timezone": {
                "chosen": reader.clock,
                "why": "It is the receiver's own." if reader.zone else "None is known; this is the service's.",
            },
        }
    return shown


def _spread(notification: Notification) -> dict[str, Any]:
    topic = notification.receiver[TOPIC]
    number = Subscriber.objects.filter(tenant=notification.tenant, topic=topic).count()
    why = f"It becomes one for each of {number} subscribers, with a route of its own."
    if notification.template:
        why += " Each gets it in their own language and by their own clock."
    return {"outcome": str(Status.DIGESTED), "why": why}


def _way(way: Route) -> dict[str, Any]:
    names = {leg.channel: providers_of(leg.channel) for leg in way.legs}
    health = ProviderHealth.objects.in_bulk([name for found in names.values() for name in found])
    now = timezone.now()
    legs = [
        {
            "channel": leg.channel,
            "address": leg.address,
            "providers": [{"name": name, "left_alone": is_open(health.get(name), now)} for name in names[leg.channel]],
        }
        for leg in way.legs
    ]
    closed = [{"channel": one.channel, "status": str(one.status), "why": one.why} for one in way.closed]
    return {"route": legs, "closed": closed}
