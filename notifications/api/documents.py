"""What callers get. What was said is not repeated: it may be a secret, and whoever asks has sent it."""

from typing import Any

from gateway.doorbell import Rank
from notifications.calling_off import CalledOff
from notifications.escalation import HEEDED
from notifications.models import Attempt, Delivery, Event, Notification
from notifications.operations import PRIORITIES, allowed

_PRIORITY = {int(rank): name for name, rank in PRIORITIES.items()}


def accepted(notification: Notification) -> dict[str, Any]:
    """The answer to a request that was accepted."""
    return {"id": str(notification.pk), "status": str(notification.status)}


def summary(notification: Notification) -> dict[str, Any]:
    """A notification in a list."""
    return {
        "id": str(notification.pk),
        "status": notification.status,
        "receiver": notification.receiver,
        "part_of": None if notification.part_of_id is None else str(notification.part_of_id),
        "digest": None if notification.digest_id is None else str(notification.digest_id),
        "digest_key": notification.digest_key or None,
        "digest_size": notification.digest_size or None,
        "channel": notification.channel or None,
        "category": notification.category,
        "template": notification.template or None,
        "locale": notification.locale or None,
        "priority": _PRIORITY.get(notification.rank, Rank.NORMAL.name.lower()),
        "mode": "sandbox" if notification.sandbox else "live",
        "metadata": notification.metadata,
        "tries": notification.tries,
        "error": notification.error or None,
        "created_at": notification.created_at,
        "updated_at": notification.updated_at,
        "next_attempt_at": notification.due_at,
        "expires_at": notification.expires_at,
        "ended_at": notification.ended_at,
    }


def full(notification: Notification) -> dict[str, Any]:
    """A notification with all that was tried, and all that happened."""
    return summary(notification) | {
        "allowed": allowed(notification),
        "deliveries": [_delivery(delivery) for delivery in notification.deliveries.all()],
        "attempts": [_attempt(attempt) for attempt in notification.attempts.all()],
        "events": [_event(event) for event in notification.events.all()],
        "engagement": _engagement(notification),
    }


def _engagement(notification: Notification) -> dict[str, Any]:
    """What the receiver did, apart from what became of the sending: when for the first time, and how often."""
    found: dict[str, list[Any]] = {kind: [] for kind in HEEDED}
    for event in notification.events.all():
        if event.kind in found:
            found[event.kind].append(event.at)
    return {kind: {"first_at": min(times, default=None), "times": len(times)} for kind, times in found.items()}


def looked_after(notification: Notification | None) -> dict[str, Any]:
    """A notification with what can be done with it; where there is none, that."""
    if notification is None:
        return {"id": None, "status": None}
    return summary(notification) | {"allowed": allowed(notification)}


def called_off(found: CalledOff) -> dict[str, Any]:
    """What calling a message off came to."""
    return {
        "arrived": str(found.arrived),
        "correction": None if found.correction is None else accepted(found.correction),
    }


def _delivery(delivery: Delivery) -> dict[str, Any]:
    shown = {
        "channel": delivery.channel,
        "address": delivery.address,
        "status": delivery.status,
        "provider_id": delivery.provider_id or None,
        "created_at": delivery.created_at,
        "ended_at": delivery.ended_at,
    }
    return shown if delivery.captured is None else shown | {"captured": delivery.captured}


def _attempt(attempt: Attempt) -> dict[str, Any]:
    ended = attempt.ended_at
    return {
        "number": attempt.number,
        "channel": attempt.delivery.channel,
        "provider": attempt.provider,
        "result": attempt.result or None,
        "provider_id": attempt.provider_id or None,
        "code": attempt.code or None,
        "error": attempt.error or None,
        "started_at": attempt.started_at,
        "ended_at": ended,
        "seconds": None if ended is None else round((ended - attempt.started_at).total_seconds(), 3),
    }


def _event(event: Event) -> dict[str, Any]:
    return {"kind": event.kind, "detail": event.detail or None, "actor": event.actor or None, "at": event.at}
