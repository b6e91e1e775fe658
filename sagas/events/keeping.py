"""How a message lies in the inbox until it is done: sealed, since only its saga's model knows what is sensitive."""

from base64 import b64decode, b64encode
from typing import Any

from gateway import vault
from gateway.limits import LARGEST, clean_text
from sagas.events.arriving import Message
from sagas.models import InboxEvent
from sagas.record import sealing


def kept(message: Message) -> tuple[bytes, dict[str, Any]]:
    """Its body, of one that is too large the begin, and what came beside it, as `InboxEvent` holds them."""
    headers = {clean_text(name, 100): clean_text(value, 1000) for name, value in message.headers.items()}
    carried = {"id": clean_text(message.id, 255), "type": clean_text(message.type, 100), "headers": headers}
    body = message.body[:LARGEST]
    if not vault.has_keys():
        return body, carried
    return vault.seal(b64encode(body).decode()).encode(), sealing.sealed(carried)


def message_of(row: InboxEvent) -> Message:
    """The message as it came. Raises `gateway.vault.Unreadable`."""
    body = bytes(row.body)
    if sealing.is_sealed(row.carried):
        body = b64decode(vault.unseal(body.decode()))
    return Message(body=body, **sealing.opened(row.carried))


def resealed(body: Any) -> bytes:
    """A body under the newest key; one that is not sealed as it is. Raises `gateway.vault.Unreadable`."""
    held = bytes(body)
    return vault.reseal(held.decode()).encode() if held.startswith(vault.BEGINNING.encode()) else held
