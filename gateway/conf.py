"""The app's settings: `GATEWAY = {...}` in Django's settings, with typed defaults."""

from dataclasses import dataclass, fields
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured


@dataclass(frozen=True, kw_only=True, slots=True)
class Gateway:
    """The settings' names, types and defaults."""

    API_KEY: str | None = None
    """The key that services call with; without one no service may call."""
    API_PREFIX: str = "/api/"
    """Below this path every error is `application/problem+json`, also for browsers."""
    READINESS: tuple[str, ...] = ()
    """Dotted paths of further checks for `/readyz`: callables that return None or a sentence saying what is wrong."""
    IDEMPOTENCY_WAIT: timedelta = timedelta(seconds=2)
    """How long a second request under one idempotency key waits for the first."""


def current() -> Gateway:
    """Return the settings as they are now. Raises ImproperlyConfigured for a name that does not exist."""
    given: dict[str, Any] = dict(getattr(settings, "GATEWAY", {}))
    known = {field.name for field in fields(Gateway)}
    if unknown := sorted(given.keys() - known):
        raise ImproperlyConfigured(f"GATEWAY has no setting {unknown[0]!r}; it has {', '.join(sorted(known))}.")
    return Gateway(**given)
