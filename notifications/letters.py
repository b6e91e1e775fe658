"""The letter that a channel is handed, made of a notification and its delivery."""

from typing import Any

from notifications.channels.channel import Letter
from notifications.models import Delivery, Notification


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
    )


def captured(letter: Letter) -> dict[str, Any]:
    """What a sandbox keeps of it."""
    shown = {"address": letter.address, "subject": letter.subject, "text": letter.text, "html": letter.html}
    return {name: value for name, value in shown.items() if value}
