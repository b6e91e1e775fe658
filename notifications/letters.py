"""The letter that a channel is handed, made of a notification and its delivery."""

from typing import Any

from django.urls import reverse

from notifications import unsubscribing
from notifications.channels.channel import Letter
from notifications.conf import conf
from notifications.models import Delivery, Notification
from notifications.plan import category_of


def letter_of(notification: Notification, delivery: Delivery) -> Letter:
    """What is said, and to which address."""
    content = notification.content
    return Letter(
        id=notification.pk,
        tenant=notification.tenant,
        address=delivery.address,
        subject=content.get("subject", ""),
        text=content.get("text", ""),
        html=content.get("html", ""),
        payload=content.get("payload"),
        metadata=notification.metadata,
        category=notification.category,
        created_at=notification.created_at,
        unsubscribe=_unsubscribe(notification, delivery),
    )


def _unsubscribe(notification: Notification, delivery: Delivery) -> str:
    """Where its receiver can say that it wants no more of this kind; there is no such place for what is mandatory."""
    if category_of(notification).mandatory:
        return ""
    token = unsubscribing.token(notification.tenant, delivery.channel, delivery.address, notification.category)
    return conf().public_url.rstrip("/") + reverse("notifications:unsubscribe", args=[token])


def captured(letter: Letter) -> dict[str, Any]:
    """What a sandbox keeps of it."""
    shown = {"address": letter.address, "subject": letter.subject, "text": letter.text, "html": letter.html}
    return {name: value for name, value in shown.items() if value}
