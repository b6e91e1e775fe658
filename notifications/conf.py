"""Typed settings: what `NOTIFICATIONS = {...}` in Django's settings may say, and what holds when it does not."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from datetime import timedelta
from functools import cache
from typing import Any

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.core.signals import setting_changed


@dataclass(frozen=True, kw_only=True)
class Conf:
    """The settings' names in lower case, their types and their defaults."""

    channels: Mapping[str, str] = field(default_factory=lambda: {"email": "notifications.channels.email.Email"})
    """The channels by name, as dotted paths; a receiver with several addresses is told through the first that fits."""
    queue: str = "notifications"
    """The Celery queue for deliveries."""

    attempts: int = 20
    """Tries in all; with the pauses below they last five to ten hours."""
    first_pause: timedelta = timedelta(seconds=5)
    """The pause after the first try; each further one is twice as long …"""
    longest_pause: timedelta = timedelta(hours=1)
    """… up to this."""
    silent_attempts: int = 3
    """So many tries in a row whose worker was never heard of again, and no further one is made."""

    lease: timedelta = timedelta(minutes=2)
    """A try that has not been recorded after so long is taken over; longer than any channel takes to send."""
    ring_again_after: timedelta = timedelta(seconds=10)
    """What is due and was not picked up is rung for again after so long."""


@cache
def conf() -> Conf:
    """The settings, with their defaults. Raises `ImproperlyConfigured` for a name that there is not."""
    given = {name.lower(): value for name, value in getattr(settings, "NOTIFICATIONS", {}).items()}
    known = {field.name for field in fields(Conf)}
    if strange := sorted(set(given) - known):
        names = ", ".join(sorted(name.upper() for name in known))
        raise ImproperlyConfigured(f"NOTIFICATIONS has no setting {strange[0].upper()!r}; there are: {names}.")
    return Conf(**given)


def _forget(*, setting: str, **kwargs: Any) -> None:
    if setting == "NOTIFICATIONS":
        conf.cache_clear()


setting_changed.connect(_forget)
