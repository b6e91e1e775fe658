"""The addresses for one-click unsubscribing (RFC 8058): signed, for one channel, address and category.

Whoever holds one can say no for that address, and nothing else; so mail programs need no login to follow it.
"""

from dataclasses import dataclass

from django.core import signing

from notifications.models import Reason
from notifications.news import suppress

SALT = "notifications.unsubscribe"


class NotOurs(ValueError):
    """The token is not one of ours."""


@dataclass(frozen=True, kw_only=True)
class Subscription:
    """Messages of one category to one address."""

    tenant: str
    channel: str
    address: str
    category: str


def token(tenant: str, channel: str, address: str, category: str) -> str:
    """What stands in the address."""
    return signing.dumps([tenant, channel, address, category], salt=SALT, compress=True)


def read(given: str) -> Subscription:
    """What a token is about. Raises `NotOurs`. It holds for ever: an old mail's button works, too."""
    try:
        tenant, channel, address, category = signing.loads(given, salt=SALT)
    except (signing.BadSignature, ValueError, TypeError):
        raise NotOurs(given) from None
    return Subscription(tenant=tenant, channel=channel, address=address, category=category)


def unsubscribe(subscription: Subscription) -> None:
    """Have no more of it sent. Safe to repeat."""
    suppress(
        subscription.tenant,
        subscription.channel,
        subscription.address,
        Reason.UNSUBSCRIBED,
        category=subscription.category,
    )
