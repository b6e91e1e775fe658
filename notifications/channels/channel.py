"""What every channel is: one class in one file here or elsewhere, and an entry in `NOTIFICATIONS["PROVIDERS"]`.

    class Pager(Channel):
        address = "pager"

        def __init__(self, token): ...    # optional: the entry's options
        def check(self, address): ...     # optional: refuse what is no address before anything is accepted
        def send(self, letter): ...       # return the provider's id or raise
        def events(self, headers, body): ...  # optional: what the provider's webhook says

No other file needs an edit.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, ClassVar
from uuid import UUID

from django.core.exceptions import ImproperlyConfigured
from django.utils.module_loading import import_string

from gateway.signatures import Unverified
from notifications.conf import conf
from notifications.verdict import Result


@dataclass(frozen=True, kw_only=True)
class Letter:
    """What a channel is asked to send, and to whom.

    `id` is the same in every attempt: a provider that knows idempotency keys, or a reader's mail program, can tell a
    second one from a second message.
    """

    id: UUID
    tenant: str
    address: str
    subject: str = ""
    text: str = ""
    html: str = ""
    payload: Any = None
    """What a webhook is sent instead of subject and text."""
    metadata: Mapping[str, str] = field(default_factory=dict)
    category: str = ""
    created_at: datetime | None = None
    unsubscribe: str = ""
    """The address for one-click unsubscribing, empty where there is none."""


class ChannelError(Exception):
    """Raised when a letter was not sent; the message is a sentence for operators.

    `result` is its class (`notifications.verdict.Result`), `code` the provider's own, `retry_after` what it asked for.
    """

    def __init__(
        self, message: str, result: Result = Result.NOT_NOW, *, code: str = "", retry_after: timedelta | None = None
    ) -> None:
        super().__init__(message)
        self.result = result
        self.code = code
        self.retry_after = retry_after


@dataclass(frozen=True, kw_only=True)
class News:
    """What a provider says about something that it had taken: delivered, bounced, complained, opened, clicked."""

    key: str
    """Its own id of the event; the same event may be told many times."""
    provider_id: str
    kind: str
    detail: str = ""


class Channel(ABC):
    """One way to reach a person. Its objects are made for each use and keep nothing; `options` are their arguments."""

    address: ClassVar[str]
    """The member of `receiver` that this channel sends to."""
    shared: ClassVar[bool] = True
    """All its letters go to one provider, whose failures count together. A webhook's go to the receiver's own."""

    def check(self, address: str) -> None:  # noqa: B027 - most channels take any text
        """Raise ValueError with a sentence when it is no address; the network is not asked."""

    @abstractmethod
    def send(self, letter: Letter) -> str:
        """Send it and return the provider's id. Raise `ChannelError`; any other exception counts as "may be sent".

        It must come back well within `NOTIFICATIONS["LEASE"]`, so every call out has a time-out.
        """

    def events(self, headers: Mapping[str, str], body: bytes) -> list[News]:
        """What the provider's webhook says; names of headers are in lower case. Raise `Unverified` unless it is its."""
        raise Unverified("This provider has no webhook.")


def provider(name: str) -> Channel:
    """The provider of that name, made with its options. Raises `ImproperlyConfigured`, which shows no option."""
    entry = conf().providers.get(name)
    if entry is None:
        raise ImproperlyConfigured(f'NOTIFICATIONS["PROVIDERS"] has no {name!r}; add it, or put it back.')
    try:
        found = import_string(entry.path)
    except ImportError as error:
        raise ImproperlyConfigured(f'NOTIFICATIONS["PROVIDERS"] names {entry.path!r}, which fails: {error}') from error
    if not (isinstance(found, type) and issubclass(found, Channel)):
        raise ImproperlyConfigured(f'NOTIFICATIONS["PROVIDERS"] names {entry.path!r}, which is no Channel.')
    try:
        return found(**entry.options)
    except (TypeError, ValueError) as error:
        given = ", ".join(sorted(entry.options)) or "none"
        raise ImproperlyConfigured(
            f'NOTIFICATIONS["PROVIDERS"]: {name!r} cannot be made with the options {given} ({type(error).__name__}).'
        ) from None


def providers_of(channel: str) -> list[str]:
    """The names of a channel's providers, in the order of preference."""
    return [name for name, entry in conf().providers.items() if entry.channel == channel]


def channels() -> dict[str, Channel]:
    """Every channel by name, in the order of preference, with its first provider."""
    found: dict[str, Channel] = {}
    for name, entry in conf().providers.items():
        if entry.channel not in found:
            found[entry.channel] = provider(name)
    return found
