"""What providers say of what they had taken: it arrived, it came back, somebody complained, opened or clicked.

Each is told perhaps many times and in any order; each counts once.
"""

from collections.abc import Iterable

from django.db import transaction

from notifications.channels.channel import News
from notifications.lifecycle import Status
from notifications.masking import without_addresses
from notifications.models import Delivery, Event, Notification, Reason, Suppression
from notifications.plan import routed
from notifications.row import close, locked, settle, wait
from notifications.sealed import marks_of

KINDS = ("delivered", "bounced", "complained", "opened", "clicked", "read", "deferred", "failed")
LONGEST_DETAIL = 2000


def take(provider: str, told: Iterable[News]) -> list[News]:
    """Take what a provider says, each in a transaction of its own; returns what is about nothing that is known yet."""
    return [news for news in told if not _take(provider, news)]


def suppress(tenant: str, channel: str, address: str, reason: Reason, *, category: str = "", detail: str = "") -> None:
    """Have nothing sent to an address any more, or nothing of a category. The first reason stays."""
    known = marks_of(address)
    place = {"tenant": tenant, "channel": channel, "category": category}
    if not Suppression.objects.filter(**place, mark__in=known).exists():
        values = {"address": address, "reason": reason, "detail": detail}
        Suppression.objects.get_or_create(**place, mark=known[0], defaults=values)


def _suppress_reached(delivery: Delivery, tenant: str, reason: Reason, detail: str) -> None:
    """The address that a delivery went to; one that was erased since is known by its hash alone."""
    if delivery.address:
        suppress(tenant, delivery.channel, delivery.address, reason, detail=detail)
    elif delivery.mark:
        place = {"tenant": tenant, "channel": delivery.channel, "category": "", "mark": delivery.mark}
        Suppression.objects.get_or_create(**place, defaults={"address": "", "reason": reason})


def _take(provider: str, news: News) -> bool:
    about = Delivery.objects.filter(provider_id=news.provider_id, attempts__provider=provider).first()
    if about is None:
        return False
    with transaction.atomic():
        notification = locked(Notification.objects.filter(pk=about.notification_id))
        if notification is None:
            return False
        key = f"{provider}:{news.key}"
        if not Event.objects.filter(key=key).exists():  # nobody else writes it: the provider's ids are its own
            delivery = Delivery.objects.get(pk=about.pk)
            detail = _shown(notification, delivery, news.detail)
            Event.objects.create(
                notification=notification, kind=news.kind, detail=detail, actor=provider, key=key, at=notification.now
            )
            _apply(notification, delivery, news.kind, detail)
    return True


def _shown(notification: Notification, delivery: Delivery, detail: str) -> str:
    """Providers like to quote the address; of what is forgotten nothing is written down again."""
    if notification.forgotten_at is not None:
        return ""
    return without_addresses(detail, {**notification.receiver, "reached": delivery.address})[:LONGEST_DETAIL]


def _apply(notification: Notification, delivery: Delivery, kind: str, detail: str) -> None:
    if kind == "delivered" and delivery.status != Status.BOUNCED:
        close(delivery, Status.DELIVERED, notification.now)
        # Who is sending now finds this when it records.
        if notification.status not in (Status.SENDING, Status.DELIVERED):
            settle(notification, Status.DELIVERED, detail, told=True)
    elif kind in ("bounced", "failed") and delivery.status == Status.SENT:
        close(delivery, Status.BOUNCED if kind == "bounced" else Status.FAILED, notification.now)
        if notification.status == Status.SENT:
            _come_back(notification, kind, detail)
    if kind in ("bounced", "complained"):
        reason = Reason.BOUNCED if kind == "bounced" else Reason.COMPLAINED
        _suppress_reached(delivery, notification.tenant, reason, detail)


def _come_back(notification: Notification, kind: str, detail: str) -> None:
    """It did not arrive after all: the next channel, or the end."""
    ended = notification.deliveries.filter(ended_at__isnull=False).values_list("channel", flat=True)
    if routed(notification).after(set(ended)) is not None:
        wait(notification, Status.QUEUED, notification.now, detail)
    elif kind == "bounced":
        settle(notification, Status.BOUNCED, detail, told=True)
    else:
        settle(notification, Status.FAILED, detail, told=True)
