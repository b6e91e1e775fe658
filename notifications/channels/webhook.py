"""Signed webhooks to addresses that callers name: JSON, signed as Standard Webhooks has it."""

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, ClassVar

from gateway.guard import Forbidden, Guard
from gateway.signatures import signed
from notifications.channels.channel import Channel, Letter
from notifications.channels.http import post_bytes
from notifications.conf import conf


class Webhook(Channel):
    """POSTs `{"type", "timestamp", "data"}`. `webhook-id` is the same in every attempt, so a second one can be told."""

    address: ClassVar[str] = "url"
    shared: ClassVar[bool] = False

    def __init__(self, secrets: Sequence[str] = ()) -> None:
        self._secrets = tuple(secrets) or conf().signing_secrets
        self._guard = Guard(allowed=conf().allowed_networks)

    def check(self, address: str) -> None:
        """Refuse what leads inside by its looks; names are looked up when it is sent, every time."""
        try:
            self._guard.check(address)
        except Forbidden as error:
            raise ValueError(str(error)) from None

    def send(self, letter: Letter) -> str:
        """Sign it and send it; its id is the webhook's."""
        message_id = f"msg_{letter.id.hex}"
        body = json.dumps(_document(letter), ensure_ascii=False, separators=(",", ":")).encode()
        headers = {"Content-Type": "application/json", "User-Agent": "notifications"}
        headers |= signed(self._secrets, message_id, body, datetime.now(UTC))
        post_bytes(letter.address, body, headers, guard=self._guard)
        return message_id


def _document(letter: Letter) -> dict[str, Any]:
    if letter.payload is not None:
        return dict(letter.payload)
    at = letter.created_at or datetime.now(UTC)
    data = {"id": str(letter.id), "text": letter.text, "metadata": dict(letter.metadata)}
    if letter.subject:
        data["subject"] = letter.subject
    return {"type": "notification", "timestamp": at.isoformat(), "data": data}
