"""What a notification said and to whom is taken out of everything that is kept of it; that it was sent stays."""

from collections.abc import Sequence
from uuid import UUID

from django.db.models.functions import Now

from notifications.models import Addressee, Attempt, Delivery, Event, InboxItem, Notification
from notifications.sealed import newest_marks


def note_addressees(notifications: Sequence[Notification]) -> None:
    """Let these be found when their receiver wants to be forgotten; in the transaction that makes them."""
    Addressee.objects.bulk_create(
        Addressee(notification=one, tenant=one.tenant, mark=found) for one in notifications for found in _marks(one)
    )


def forget(pks: Sequence[UUID]) -> None:
    """Take words, addresses, and every text that may quote them out of these, which have ended; in one transaction.

    Their status, times, counts, results and codes stay, and so does what a provider's later news are recognised by.
    """
    of_these = {"notification__in": pks}
    Delivery.objects.filter(**of_these).update(address="", captured=None)
    Attempt.objects.filter(**of_these).update(error="")
    Event.objects.filter(**of_these).update(detail="")
    InboxItem.objects.filter(**of_these).delete()
    Addressee.objects.filter(**of_these).delete()
    told = Notification.objects.filter(about__in=pks, ended_at__isnull=False)
    for rows in (told, Notification.objects.filter(pk__in=pks)):
        rows.update(
            receiver={},
            content={},
            data=None,
            digest_group="",
            metadata={},
            callback_url="",
            error="",
            escalate_at=None,
            escalate_after=None,
            forgotten_at=Now(),
        )


def _marks(notification: Notification) -> list[str]:
    return list(dict.fromkeys(newest_marks(notification.receiver)))
