"""What is sent to a topic is one notification that becomes one for each subscriber, in chunks.

The chunk and the place where it ended are committed together under the lock of the notification, so each subscriber
gets exactly one, whoever dies in between, and the memory that it takes is that of a chunk.
"""

from notifications.dispatch import ring_after_commit
from notifications.lifecycle import Status
from notifications.models import Notification, Subscriber
from notifications.row import settle, wait

CHUNK = 500
TOPIC = "topic"


def fan_out(notification: Notification) -> None:
    """Make the next chunk, under the lock; what is left is due at once, so that others get their turn in between."""
    rows = Subscriber.objects.filter(tenant=notification.tenant, topic=notification.receiver[TOPIC])
    chunk = list(rows.filter(id__gt=notification.fanned_out_to).order_by("id")[:CHUNK])
    made = Notification.objects.bulk_create([_for_one(notification, subscriber) for subscriber in chunk])
    ring_after_commit(made)
    notification.fanned_out += len(chunk)
    if chunk:
        notification.fanned_out_to = chunk[-1].pk
    notification.save(update_fields=["fanned_out", "fanned_out_to"])
    so_far = f"{notification.fanned_out} receivers."
    if len(chunk) == CHUNK:
        wait(notification, Status.QUEUED, notification.now, f"Fanned out so far to {so_far}")
    else:
        settle(notification, Status.DIGESTED, f"Fanned out to {so_far}")


def _for_one(notification: Notification, subscriber: Subscriber) -> Notification:
    return Notification(
        tenant=notification.tenant,
        caller=notification.caller,
        traceparent=notification.traceparent,
        receiver={"id": subscriber.receiver},
        content=notification.content,
        template=notification.template,
        channels=notification.channels,
        category=notification.category,
        rank=notification.rank,
        sandbox=notification.sandbox,
        metadata=notification.metadata,
        escalate_after=notification.escalate_after,
        expires_at=notification.expires_at,
        part_of=notification,
    )
