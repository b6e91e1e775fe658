"""Addresses as logs and lists may show them: recognisable to somebody who knows them, useless to others."""

from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import quote, urlsplit

from notifications.conf import conf

SHORTEST_SECRET = 4
NO_ADDRESSES = ("id", "topic", "locale", "timezone")
"""Members of a receiver that are about it, and do not lead to it."""


def masked(address: str) -> str:
    """`jane@example.org` becomes `j…@example.org`, `https://example.org/hooks/17` becomes `https://example.org/…`.

    Of any other address the first and the last character stay.
    """
    if "://" in address:
        scheme, _, rest = address.partition("://")
        host = rest.partition("/")[0].rpartition("@")[2]
        return f"{scheme}://{host}/…" if scheme in ("http", "https") else f"{scheme}://…"
    name, at, domain = address.rpartition("@")
    if at:
        return f"{name[:1]}…@{domain}"
    return f"{address[:1]}…{address[-1:]}" if len(address) > SHORTEST_SECRET else "…"


def masked_receiver(receiver: Mapping[str, Any]) -> str:
    """All addresses of a receiver, masked."""
    return ", ".join(masked(str(address)) for kind, address in receiver.items() if kind not in NO_ADDRESSES)


def without_addresses(text: str, receiver: Mapping[str, Any], provider: str = "") -> str:
    """A text in which no address of the receiver stands any more, and nothing of the provider's options."""
    for kind, address in receiver.items():
        if kind not in NO_ADDRESSES:
            text = text.replace(str(address), masked(str(address)))
    entry = conf().providers.get(provider)
    for secret in sorted(_secrets(entry.options) if entry else (), key=len, reverse=True):
        text = text.replace(secret, "…")
    return text


def _secrets(value: Any) -> Iterator[str]:
    """Every text in a provider's options, also as it stands in an address; which of them are secret it cannot know."""
    if isinstance(value, Mapping):
        for inner in value.values():
            yield from _secrets(inner)
    elif isinstance(value, list | tuple):
        for inner in value:
            yield from _secrets(inner)
    elif isinstance(value, str) and len(value) > SHORTEST_SECRET:
        yield value
        yield quote(value, safe="")
        parts = urlsplit(value) if "://" in value else None
        if parts is not None:
            named = "" if parts.scheme in ("http", "https") else parts.netloc.rpartition("@")[2]  # of a chat: a token
            said = (parts.password, parts.username, parts.query, parts.fragment, named)
            yield from (part for part in said if part and len(part) > 3)
            yield from (part for part in parts.path.split("/") if len(part) > 7)
