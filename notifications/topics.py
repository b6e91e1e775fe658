"""What is sent to a topic is one notification that becomes one for each subscriber, in chunks.

The chunk and the place where it ended are committed together under the lock of the notification, so each subscriber
gets exactly one, whoever dies in between, and the memory that it takes is that of a chunk.
"""

from notifications.digests import group_of
from notifications.dispatch import ring_after_commit
from notifications.forgetting import note_addressees
from notifications.lifecycle import Status
from notifications.models import Notification, Receiver, Subscriber
from notifications.row import settle, wait
from notifications.translations import Translations

CHUNK = 500
TOPIC = "topic"


def fan_out(notification: Notification) -> None:
    """Make the next chunk, under the lock; what is left is due at once, so that others get their turn in between."""
    rows = Subscriber.objects.filter(tenant=notification.tenant, topic=notification.receiver[TOPIC])
    chunk = list(rows.filter(id__gt=notification.fanned_out_to).order_by("id")[:CHUNK])
    profiles = _profiles(notification.tenant, chunk)
    words = Translations(notification)
    made = Notification.objects.bulk_create(
        [_for_one(notification, subscriber, profiles.get(subscriber.receiver), words) for subscriber in chunk]
    )
    note_addressees(made)
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


def _profiles(tenant: str, chunk: list[Subscriber]) -> dict[str, Receiver]:
    rows = Receiver.objects.filter(tenant=tenant, key__in=[subscriber.receiver for subscriber in chunk])
    return {row.key: row for row in rows}


def _for_one(
    notification: Notification, subscriber: Subscriber, profile: Receiver | None, words: Translations
) -> Notification:
    content, locale = words.of(profile)
    one = Notification(
        tenant=notification.tenant,
        caller=notification.caller,
        traceparent=notification.traceparent,
        receiver={"id": subscriber.receiver},
        content=content,
        template=notification.template,
        locale=locale,
        channels=notification.channels,
        category=notification.category,
        rank=notification.rank,
        sandbox=notification.sandbox,
        metadata=notification.metadata,
        digest_key=notification.digest_key,
        escalate_after=notification.escalate_after,
        expires_at=notification.expires_at,
        part_of=notification,
    )
    one.digest_group = group_of(one)
    return one
