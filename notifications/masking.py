"""Addresses as logs and lists may show them: recognisable to somebody who knows them, useless to others."""

from collections.abc import Mapping


def masked(address: str) -> str:
    """`jane@example.org` becomes `j…@example.org`; of any other address the first and the last character stay."""
    name, at, domain = address.rpartition("@")
    if at:
        return f"{name[:1]}…@{domain}"
    return f"{address[:1]}…{address[-1:]}" if len(address) > 4 else "…"


def masked_receiver(receiver: Mapping[str, str]) -> str:
    """All addresses of a receiver, masked."""
    return ", ".join(masked(address) for address in receiver.values())


def without_addresses(text: str, receiver: Mapping[str, str]) -> str:
    """A text in which no address of the receiver stands any more; providers like to quote them in their errors."""
    for address in receiver.values():
        text = text.replace(address, masked(address))
    return text
