"""The notification service as the demo sees it: alone, with a database of its own, and mail that goes to files."""

from collections.abc import Mapping
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any

from examples.shop.demo_process import Embedded

ENDS_WELL = ("sent", "delivered")


class NotificationService(Embedded):
    """The service that sends the customers' e-mails; `settings` is what a saga's steps need to reach it."""

    def __init__(self, data: Path) -> None:
        super().__init__("notifications", data, base="/api/v1/notifications")

    @property
    def settings(self) -> dict[str, str]:
        return {"url": self.url, "token": self.key}

    def mail(self, accepted: Mapping[str, Any] | None) -> EmailMessage | None:
        """The e-mail of a notification that was accepted, once it is written."""
        if not accepted:
            return None
        notification = self.get(f"/{accepted['id']}/")
        sent = notification["status"] in ENDS_WELL
        return self._written(notification["attempts"][-1]["provider_id"]) if sent else None

    def mails(self) -> list[EmailMessage]:
        """Every e-mail that was written, in no order."""
        folder = self.data / "notifications" / "mail"
        return [_read(file) for file in folder.iterdir()] if folder.exists() else []

    def _written(self, message_id: str) -> EmailMessage | None:
        return next((mail for mail in self.mails() if mail["Message-ID"] == message_id), None)


def _read(file: Path) -> EmailMessage:
    """Django's file back end writes a file for each e-mail, and a line of dashes below it."""
    return message_from_bytes(file.read_bytes().rpartition(b"\n---")[0], policy=policy.default)
