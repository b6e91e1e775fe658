"""The notification's row: locked, moved and written, with an event for each move. `record` is made of these words."""

from datetime import datetime

from django.db import transaction
from django.db.models import QuerySet
from django.db.models.functions import Now

from notifications.callbacks import call_back
from notifications.conf import conf
from notifications.dispatch import ring_after_commit
from notifications.followers import follow
from notifications.lifecycle import WAITING, Status, move
from notifications.models import Delivery, Event, Notification
from notifications.verdict import IN_DOUBT


def locked(rows: "QuerySet[Notification]", *, wait: bool = True) -> Notification | None:
    """The only row among these, locked, with the database's time in `now`; None if there is none.

    `wait=False`: None also while another worker holds it.
    """
    assert transaction.get_connection().in_atomic_block  # noqa: S101 - a lock ends with its transaction
    asked = rows.annotate(asked_at=Now()).select_for_update(no_key=True, of=("self",), skip_locked=not wait)
    found = asked.first()
    if found is not None:
        found.now = found.asked_at
    return found


def locked_all(rows: "QuerySet[Notification]", most: int) -> list[Notification]:
    """As many of these rows, in their order, locked one after the other; each with the database's time in `now`."""
    assert transaction.get_connection().in_atomic_block  # noqa: S101 - a lock ends with its transaction
    asked = rows.annotate(asked_at=Now()).select_for_update(no_key=True, of=("self",))[:most]
    found: list[Notification] = []
    for one in asked:
        one.now = one.asked_at
        found.append(one)
    return found


def wait(notification: Notification, status: Status, until: datetime, why: str) -> None:
    """Let it wait, at most until it expires; if that time has come already, a worker is told after the commit."""
    if notification.expires_at is not None:
        until = min(until, notification.expires_at)
    _move(notification, status, why)
    _store(notification, due_at=until, why=why)
    if until <= notification.now:
        ring_after_commit([notification])


def settle(notification: Notification, status: Status, why: str, *, told: bool = False) -> None:
    """Take it to a state in which it does not wait: with a worker, or at an end. `told`: an event of it is there."""
    if status == Status.SENDING:
        _move(notification, Status.QUEUED, "")
    _move(notification, status, why, told=told)
    _store(notification, due_at=None, why=why)


def end_of_unsent(notification: Notification) -> Status:
    """What one ends as that is called off while it waits: a try before may have reached its receiver."""
    stati = set(notification.deliveries.values_list("status", flat=True))
    arrived = next((status for status in (Status.DELIVERED, Status.SENT) if status in stati), None)
    doubt = notification.attempts.filter(result__in=IN_DOUBT).exists()
    return arrived or (Status.UNKNOWN if doubt else Status.CANCELLED)


def close(delivery: Delivery, status: Status, at: datetime | None, provider_id: str = "") -> None:
    """Note where a delivery stands; with a time, that it has ended."""
    delivery.status, delivery.ended_at = status, at
    if provider_id:
        delivery.provider_id = provider_id
    delivery.save(update_fields=["status", "ended_at", "provider_id"])


def _move(notification: Notification, status: Status, why: str, *, told: bool = False) -> None:
    """Along a drawn arrow, with an event; what is queued and what is being sent, its attempts tell."""
    if notification.status == status:
        return
    move(notification, status)
    if status not in (Status.QUEUED, Status.SENDING) and not told:
        Event.objects.create(notification=notification, kind=status, detail=why, at=notification.now)
    call_back(notification, why)
    if notification.digest_size:
        follow(notification, why)


def _store(notification: Notification, *, due_at: datetime | None, why: str) -> None:
    now, sending = notification.now, notification.status == Status.SENDING
    notification.due_at = due_at
    notification.lease_until = now + conf().lease if sending else None
    notification.ended_at = None if sending or notification.status in WAITING else now
    notification.rung_at = now if due_at is not None and due_at <= now else None
    notification.error, notification.updated_at = why, now
    if notification.status not in (Status.SENT, Status.DELIVERED):
        notification.escalate_at = None
    elif notification.escalate_after is not None and notification.escalate_at is None:
        notification.escalate_at = now + notification.escalate_after
    notification.save(
        update_fields=[
            "status",
            "channel",
            "tries",
            "due_at",
            "lease_until",
            "rung_at",
            "error",
            "updated_at",
            "ended_at",
            "escalate_at",
        ]
    )
