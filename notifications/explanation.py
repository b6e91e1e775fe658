"""What would happen to a notification now, and why: the route, the reasons, the words. Nothing is kept or sent."""

from typing import Any

from django.utils import timezone

from notifications.channels.channel import providers_of
from notifications.lifecycle import Status
from notifications.models import Notification, ProviderHealth, Subscriber
from notifications.plan import Over, Try, Wait, plan, routed
from notifications.providers import is_open
from notifications.route import Route
from notifications.topics import TOPIC


def explain(notification: Notification) -> dict[str, Any]:
    """`outcome` says it in a word, `why` in a sentence; `route` and `closed` list every channel."""
    now = timezone.now()
    notification.created_at = now
    if TOPIC in notification.receiver:
        return _spread(notification)
    due_at = notification.due_at if notification.status == "scheduled" else now
    way = routed(notification)
    match plan(notification, way, set(), due_at or now):
        case Try(leg):
            later = due_at is not None and due_at > now
            said = {"outcome": "scheduled" if later else "sent", "why": f"It goes through {leg.channel}.", "at": due_at}
        case Wait(until, why, status):
            said = {"outcome": str(status), "why": why, "at": until}
        case Over(status, why):
            said = {"outcome": str(status), "why": why, "at": None}
    return {
        **said,
        "category": notification.category,
        "template": notification.template or None,
        "expires_at": notification.expires_at,
        "content": notification.content,
        **_way(way),
    }


def _spread(notification: Notification) -> dict[str, Any]:
    topic = notification.receiver[TOPIC]
    number = Subscriber.objects.filter(tenant=notification.tenant, topic=topic).count()
    why = f"It becomes one for each of {number} subscribers, with a route of its own."
    return {"outcome": str(Status.DIGESTED), "why": why, "content": notification.content}


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
