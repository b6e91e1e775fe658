"""The app's settings: `GATEWAY = {...}` in Django's settings, with typed defaults."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cache
from typing import Any

from django.core.exceptions import ImproperlyConfigured
from django.core.signals import setting_changed

from gateway.given import given

ADMIN = "admin"
"""The scope that holds every permission; it needs no entry in `SCOPES`."""
ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA")


@dataclass(frozen=True, kw_only=True)
class Issuer:
    """Whose tokens are taken."""

    name: str
    """What its tokens say in `iss`."""
    audience: str
    """What they must say in `aud`: that they are for us."""
    keys: str
    """Its public keys: a JSON Web Key Set as text, or the address where it is."""
    algorithms: tuple[str, ...] = ("RS256", "ES256")
    """With which they may be signed; asymmetric ones only."""
    tenant_claim: str = "tenant"
    """The claim that names the tenant; a token without it is not taken."""
    leeway: timedelta = timedelta(seconds=30)
    """By how much the issuer's clock may differ from ours."""

    def __post_init__(self) -> None:
        if unfit := [name for name in self.algorithms if name not in ALGORITHMS]:
            raise ImproperlyConfigured(
                f"Tokens cannot be signed with {unfit[0]!r} here; choose from {', '.join(ALGORITHMS)}."
            )


@dataclass(frozen=True, kw_only=True, slots=True)
class Gateway:
    """The settings' names, types and defaults."""

    API_KEY: str | None = None
    """A key of the default tenant that holds every permission, for development; keys proper are in the table."""
    SCOPES: Mapping[str, Sequence[str]] = field(default_factory=dict)
    """What keys may be good for: the permissions of each scope, such as {"start": ("sagas.add_saga",)}."""
    ISSUER: Issuer | None = None
    """Whose JSON Web Tokens are taken."""
    RATE: int = 0
    """How many requests a caller may send in a minute, unless its key says otherwise; 0 is without a limit."""
    API_PREFIX: str = "/api/"
    """Below this path every error is `application/problem+json`, also for browsers."""
    READINESS: tuple[str, ...] = ()
    """Dotted paths of further checks for `/readyz`: callables that return None or a sentence saying what is wrong."""
    VAULT_KEYS: Sequence[str] | None = None
    """What secrets are sealed under, the newest first; None is for development, and makes them of SECRET_KEY."""
    METRICS: tuple[str, ...] = ()
    """Dotted paths of functions that return a list of `gateway.figures.Figure`, for `/metrics`."""
    KEEP_COUNTS: bool = True
    """Whether processes give what they count to the database by themselves; tests do that when they mean to."""
    METRICS_TOKEN: str = ""
    """Who brings it as `Authorization: Bearer …` may read `/metrics`."""
    METRICS_NETWORKS: tuple[str, ...] = ()
    """Who comes from there may read `/metrics` without it, such as "10.1.0.0/16"; behind a proxy that is the proxy."""
    SEALED: tuple[str, ...] = ()
    """Dotted paths of functions that say which columns hold sealed values, for `manage.py reseal`."""
    CONFIRM_WITHIN: timedelta | None = timedelta(minutes=15)
    """Before a grave decision people say once more who they are, unless they did within that time; None asks nobody."""
    CONFIRM_AT: str = ""
    """Where people whose password an identity provider keeps log in anew; it leads back with a fresh session."""
    IDEMPOTENCY_WAIT: timedelta = timedelta(seconds=2)
    """How long a second request under one idempotency key waits for the first."""
    IDEMPOTENCY_KEPT: timedelta = timedelta(days=7)
    """How long an idempotency key is known with its answer; longer than any caller goes on trying."""


@cache
def current() -> Gateway:
    """Return the settings as they are now. Raises ImproperlyConfigured for a name that does not exist."""
    return Gateway(**given("GATEWAY", Gateway))


def _forget(*, setting: str, **kwargs: Any) -> None:
    if setting == "GATEWAY":
        current.cache_clear()


setting_changed.connect(_forget)
