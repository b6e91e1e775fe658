"""What happened to a notification, in order: its events and its attempts together."""

from dataclasses import dataclass
from datetime import datetime

from notifications.models import Attempt, Event, Notification

MOST = 500
"""Moments of each kind; a notification has a few dozen."""


@dataclass(frozen=True, kw_only=True)
class Moment:
    """Something that happened, in a sentence."""

    at: datetime
    what: str


def timeline(notification: Notification) -> list[Moment]:
    """From its acceptance on."""
    attempts = notification.attempts.select_related("delivery")[:MOST]
    moments = [Moment(at=notification.created_at, what=f"accepted from {notification.caller}")]
    for attempt in attempts:
        moments += _attempt(attempt)
    moments += [_event(event) for event in notification.events.all()[:MOST]]
    return sorted(moments, key=lambda moment: moment.at)  # what follows from an attempt has its time, and stays behind


def _event(event: Event) -> Moment:
    by = f" by {event.actor}" if event.actor else ""
    return Moment(at=event.at, what=f"{event.kind}{by}" + (f": {event.detail}" if event.detail else ""))


def _attempt(attempt: Attempt) -> list[Moment]:
    through = f"attempt {attempt.number} through {attempt.delivery.channel}, {attempt.provider}"
    found = [Moment(at=attempt.started_at, what=f"{through}: begun")]
    if attempt.ended_at is not None:
        took = f"{(attempt.ended_at - attempt.started_at).total_seconds():.3f} s"
        why = f": {attempt.error}" if attempt.error else ""
        code = f" ({attempt.code})" if attempt.code else ""
        found.append(Moment(at=attempt.ended_at, what=f"{through}: {attempt.result}{code} after {took}{why}"))
    return found
