"""Typed settings: what `NOTIFICATIONS = {...}` in Django's settings may say, and what holds when it does not."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import time, timedelta
from functools import cache
from pathlib import Path
from typing import Any, Literal

from django.core.exceptions import ImproperlyConfigured
from django.core.signals import setting_changed

from gateway.given import given
from gateway.signatures import own_secret

CALLBACK = "callback"
"""The category of our own messages to the services that sent others."""
MOST_PER_HOUR = 1000
"""What a limit may be at most; each message within the hour is remembered."""


@dataclass(frozen=True, kw_only=True)
class Provider:
    """One way through a channel. In the settings it is a dict of these, so that it can come from the environment."""

    channel: str
    """Which channel it serves, such as "email"."""
    path: str
    """The dotted path of its class, a `Channel`."""
    options: Mapping[str, Any] = field(default_factory=dict, repr=False)
    """What its class is made with: addresses, keys. Never shown."""
    per_minute: int = 0
    """So many messages a minute at most, from all processes together; 0 is as many as there are."""


@dataclass(frozen=True, kw_only=True)
class Digest:
    """How messages are collected, to be sent as one."""

    every: timedelta = timedelta(hours=1)
    """So long, from the first one on …"""
    at: tuple[time, ...] = ()
    """… or, where this is given, until the next of these times on the receiver's own clock."""
    template: str = ""
    """What says them: a published template with the data `messages`, `number` and `more`; without one, plain text."""
    most: int = 50
    """So many are said in one; of what is beyond, the number is said."""

    def __post_init__(self) -> None:
        if self.most < 2 or self.every <= timedelta():
            raise ImproperlyConfigured("A digest says two messages at least, and collects them for some time.")


@dataclass(frozen=True, kw_only=True)
class Category:
    """What holds for one kind of message."""

    mandatory: bool = False
    """It is sent whatever the receiver prefers; only a dead address stops it."""
    repeat: bool = True
    """A message that may have been sent is sent again. False: it is left to a person, as `unknown`."""
    quiet: bool = True
    """It waits for the end of the receiver's quiet hours."""
    lifetime: timedelta | None = None
    """After so long it is of no use any more, unless the request says when."""
    digest: Digest | None = None
    """Its messages are collected; without one, those alone that have a `digest_key`, as `DIGEST` says."""
    per_hour: int = 0
    """So many within an hour to one receiver through one channel; 0 is as many as there are. Not if it is mandatory."""
    over: Literal["wait", "digest", "drop"] = "wait"
    """What is beyond waits for its turn, is collected and sent as one then, or ends as `skipped`."""

    def __post_init__(self) -> None:
        if self.over not in ("wait", "digest", "drop"):
            raise ImproperlyConfigured(f"A category's `over` is wait, digest or drop, and not {self.over!r}.")


_OF_CALLBACKS = {CALLBACK: Category(mandatory=True, quiet=False, lifetime=timedelta(days=3))}


def _categories() -> dict[str, Category]:
    return {
        "transactional": Category(mandatory=True, quiet=False),
        "code": Category(mandatory=True, quiet=False, repeat=False, lifetime=timedelta(minutes=10)),
        "payment": Category(mandatory=True, quiet=False, repeat=False),
        "news": Category(),
    }


def _providers(outbox: str | Path | None = None) -> dict[str, Provider]:
    found = {
        "mail": Provider(channel="email", path="notifications.channels.email.Email"),
        "webhook": Provider(channel="webhook", path="notifications.channels.webhook.Webhook"),
        "inbox": Provider(channel="inbox", path="notifications.channels.inbox.Inbox"),
    }
    if outbox is not None:
        for channel, address in (("sms", "phone"), ("push", "push_token"), ("chat", "chat")):
            options = {"folder": outbox, "channel": channel, "address": address}
            found[channel] = Provider(channel=channel, path="notifications.channels.file.File", options=options)
    return found


@dataclass(frozen=True, kw_only=True)
class Conf:
    """The settings' names in lower case, their types and their defaults."""

    providers: Mapping[str, Provider] = field(default_factory=_providers)
    """By name, in the order of preference: of the channels for a receiver with several addresses, and within one."""
    categories: Mapping[str, Category] = field(default_factory=_categories)
    """The kinds of messages by name, beside or instead of the four that there are; "transactional" if none is named."""
    queue: str = "notifications"
    """The Celery queue for deliveries."""

    attempts: int = 20
    """Tries through one channel; with the pauses below they last five to ten hours."""
    first_pause: timedelta = timedelta(seconds=5)
    """The pause after the first try; each further one is twice as long …"""
    longest_pause: timedelta = timedelta(hours=1)
    """… up to this."""
    silent_attempts: int = 3
    """So many tries in a row whose worker was never heard of again, and no further one is made."""

    breaker_failures: int = 5
    """After so many failures in a row a provider is left alone …"""
    breaker_pause: timedelta = timedelta(seconds=30)
    """… for so long; then one message tries it."""

    lease: timedelta = timedelta(minutes=2)
    """A try that has not been recorded after so long is taken over; longer than any channel takes to send."""
    ring_again_after: timedelta = timedelta(seconds=10)
    """What is due and was not picked up is rung for again after so long."""

    digest: Digest = field(default_factory=Digest)
    """How messages with a `digest_key` are collected whose category does not say how."""
    per_hour: Mapping[str, int] = field(default_factory=dict)
    """By channel, so many within an hour to one receiver of all categories together that are not mandatory."""

    quiet_hours: tuple[time, time] | None = None
    """From when to when a receiver with a time zone and without hours of its own is left in peace."""

    allowed_networks: tuple[str, ...] = ()
    """Private networks that webhooks may lead to, such as "10.1.0.0/16"; for those, http will do."""
    webhook_secrets: tuple[str, ...] = ()
    """What webhooks are signed with (`whsec_…`), all of them; without any, one that is made from SECRET_KEY."""
    public_url: str = "http://127.0.0.1:8000"
    """Where people and providers reach this service: what stands before its own addresses in messages."""
    outbox: str | Path | None = None
    """A folder for SMS, push and chat as files, while PROVIDERS says nothing: for development."""

    lookup_keys: tuple[str, ...] = ()
    """What addresses are found by: keys of their hashes, the newest first; without any, the project's secret keys."""
    keep_contents: timedelta | None = timedelta(days=30)
    """So long after its end what a notification said, and to which address, is kept; None is for ever."""
    keep_attempts: timedelta | None = timedelta(days=90)
    """So long the attempts of one that has ended are kept."""
    keep: timedelta | None = timedelta(days=365)
    """So long a notification is kept that has ended, with its status and what happened to it."""

    @property
    def signing_secrets(self) -> tuple[str, ...]:
        """What webhooks are signed with."""
        return self.webhook_secrets or (own_secret("notifications webhook"),)

    def category(self, name: str) -> Category:
        """What holds for a message; one whose category was taken out of the settings is treated like the first."""
        return self.categories.get(name) or next(iter(self.categories.values()))


@cache
def conf() -> Conf:
    """The settings, with their defaults. Raises `ImproperlyConfigured` for a name that there is not."""
    from notifications.written import category  # it makes what is defined here

    said = given("NOTIFICATIONS", Conf)
    entries = said.get("providers") or _providers(said.get("outbox"))
    said["providers"] = {name: _provider(name, entry) for name, entry in entries.items()}
    for name in ("categories", "per_hour"):
        if not isinstance(said.get(name) or {}, Mapping):
            raise ImproperlyConfigured(f"NOTIFICATIONS[{name.upper()!r}] is a dict, and not {said[name]!r}.")
    categories = {name: category(name, entry) for name, entry in (said.get("categories") or {}).items()}
    said["categories"] = {**_categories(), **categories, **_OF_CALLBACKS}
    found = Conf(**said)
    for most in (*found.per_hour.values(), *(kind.per_hour for kind in found.categories.values())):
        if not (isinstance(most, int) and 0 <= most <= MOST_PER_HOUR):
            raise ImproperlyConfigured(f"NOTIFICATIONS: a limit is 0 to {MOST_PER_HOUR} an hour, and not {most!r}.")
    return found


def _provider(name: str, entry: Any) -> Provider:
    if isinstance(entry, Provider):
        return entry
    try:
        return Provider(**entry)
    except TypeError:  # its own text might show an option
        raise ImproperlyConfigured(
            f"NOTIFICATIONS[\"PROVIDERS\"][{name!r}] is a dict of 'channel', 'path', 'options' and 'per_minute'."
        ) from None


def _forget(*, setting: str, **kwargs: Any) -> None:
    if setting in ("NOTIFICATIONS", "SECRET_KEY"):
        conf.cache_clear()


setting_changed.connect(_forget)
