"""What every channel is: one class in one file here or elsewhere, and a name in `NOTIFICATIONS["CHANNELS"]`.

    class Pager(Channel):
        address = "pager"

        def check(self, address): ...     # optional: refuse what is no address before anything is accepted
        def send(self, letter): ...       # return the provider's id or raise

No other file needs an edit.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar
from uuid import UUID

from django.core.exceptions import ImproperlyConfigured
from django.utils.module_loading import import_string

from notifications.conf import conf


@dataclass(frozen=True, kw_only=True)
class Letter:
    """What a channel is asked to send, and to whom.

    `id` is the same in every attempt: a provider that knows idempotency keys, or a reader's mail program, can tell a
    second one from a second message.
    """

    id: UUID
    address: str
    subject: str
    text: str


class ChannelError(Exception):
    """Raised when a letter was not sent; the message is a sentence for operators.

    `permanent`: trying again is useless. `maybe_sent`: it may have been sent all the same. `code`: the provider's own.
    """

    def __init__(self, message: str, permanent: bool = False, *, maybe_sent: bool = False, code: str = "") -> None:
        super().__init__(message)
        self.permanent = permanent
        self.maybe_sent = maybe_sent
        self.code = code


class Channel(ABC):
    """One way to reach a person. Its objects are made for each use and keep nothing."""

    address: ClassVar[str]
    """The member of `receiver` that this channel sends to."""

    def check(self, address: str) -> None:  # noqa: B027 - most channels take any text
        """Raise ValueError with a sentence when it is no address; the network is not asked."""

    @abstractmethod
    def send(self, letter: Letter) -> str:
        """Send it and return the provider's id. Raise `ChannelError`; any other exception counts as "may be sent".

        It must come back well within `NOTIFICATIONS["LEASE"]`, so every call out has a time-out.
        """


def channel(name: str) -> Channel:
    """The channel of that name. Raises `ImproperlyConfigured` when there is none."""
    path = conf().channels.get(name)
    if path is None:
        raise ImproperlyConfigured(f'NOTIFICATIONS["CHANNELS"] has no channel {name!r}; add it, or put it back.')
    try:
        found = import_string(path)
    except ImportError as error:
        raise ImproperlyConfigured(f'NOTIFICATIONS["CHANNELS"] names {path!r}, which fails: {error}') from error
    if not (isinstance(found, type) and issubclass(found, Channel)):
        raise ImproperlyConfigured(f'NOTIFICATIONS["CHANNELS"] names {path!r}, which is no Channel.')
    return found()


def known_addresses() -> list[str]:
    """The members that a receiver may have, in the order of preference."""
    return list(dict.fromkeys(channel(name).address for name in conf().channels))


def route(receiver: Mapping[str, Any]) -> str | None:
    """The name of the first channel that the receiver has an address for, None when no channel does."""
    return next((name for name in conf().channels if channel(name).address in receiver), None)
