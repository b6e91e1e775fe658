"""When nobody has read it in time, the next channel is tried.

What tells that somebody has: an event "opened", "clicked" or "read", of a provider or of an inbox. A channel that tells
nothing of the kind is always passed.
"""

from uuid import UUID

from django.db import transaction

from notifications.lifecycle import Status
from notifications.models import Event, Notification
from notifications.plan import routed
from notifications.row import locked, wait

HEEDED = ("opened", "clicked", "read")


def escalate(pk: UUID) -> bool:
    """Go on to the next channel if it is time, there is one, and nobody has read it. Whether it did."""
    with transaction.atomic():
        notification = locked(Notification.objects.unheeded().filter(pk=pk))
        if notification is None:
            return False
        ended = notification.deliveries.filter(ended_at__isnull=False).values_list("channel", flat=True)
        leg = routed(notification).after(set(ended))
        if leg is None or notification.events.filter(kind__in=HEEDED).exists():
            notification.escalate_at = None
            notification.save(update_fields=["escalate_at"])
            return False
        arrived = notification.deliveries.filter(status__in=(Status.SENT, Status.DELIVERED))
        arrived.update(passed=True)
        why = f"Nobody has read it in time; {leg.channel} is next."
        Event.objects.create(notification=notification, kind="escalated", detail=why, at=notification.now)
        wait(notification, Status.QUEUED, notification.now, why)
        return True
