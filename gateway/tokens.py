"""JSON Web Tokens of an outside issuer, such as a company's single sign-on, instead of API keys.

`GATEWAY["ISSUER"]` names the issuer, the audience that we are, the keys and the algorithms. The algorithms are fixed
there and asymmetric: what a token says of itself decides nothing but which of the issuer's keys is tried.
"""

import json
import logging
import threading
import time
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import httpx
import jwt

from gateway import conf
from gateway.limits import LimitExceeded, check
from gateway.problems import Problem

logger = logging.getLogger(__name__)

FETCH_TIMEOUT = timedelta(seconds=2)
FRESH = timedelta(minutes=10)
AGAIN = timedelta(seconds=30)
"""A token under a key that is not known has the issuer asked for its keys at most so often."""
ALONE = timedelta(seconds=5)
"""An issuer that could not give its keys is left alone for so long; who comes meanwhile is told at once."""
NEEDED = ["exp", "iss", "aud", "sub"]


class Refused(Exception):
    """The token is not one that we take; the message says why, and nothing about the keys."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Token:
    """What a token that was checked says: who, of which tenant, with which scopes and for which sagas."""

    subject: str
    tenant: str
    scopes: frozenset[str]
    definitions: frozenset[str] | None


def looks_like_one(text: str) -> bool:
    """Whether it has the three parts of a signed token; an API key never has."""
    return text.count(".") == 2


def read(text: str) -> Token:
    """What the token says. Raises `Refused`, or a 503 problem when the issuer's keys cannot be had."""
    issuer = conf.current().ISSUER
    if issuer is None:
        raise Refused("Tokens are not taken here; send an API key.")
    try:
        kid = jwt.get_unverified_header(text).get("kid")
        claims = jwt.decode(
            text,
            _keys.one(issuer, kid),
            algorithms=list(issuer.algorithms),
            audience=issuer.audience,
            issuer=issuer.name,
            leeway=issuer.leeway,
            options={"require": NEEDED},
        )
    except jwt.ExpiredSignatureError:
        raise Refused("The token has expired; ask its issuer for a new one.") from None
    except (jwt.PyJWTError, ValueError, TypeError) as error:  # a key of another kind than the algorithm's is the last
        raise Refused(f"The token is not taken: {type(error).__name__}.") from None
    return _token(issuer, claims)


def _token(issuer: conf.Issuer, claims: dict[str, Any]) -> Token:
    subject, tenant = claims["sub"], claims.get(issuer.tenant_claim)
    scopes, definitions = claims.get("scope", ""), claims.get("definitions")
    _check_storable([subject, tenant, definitions])
    if not (isinstance(subject, str) and 0 < len(subject) <= 100):
        raise Refused("The token's claim sub must have 1 to 100 characters.")
    if not (isinstance(tenant, str) and 0 < len(tenant) <= 64):
        raise Refused(f"The token's claim {issuer.tenant_claim} must name a tenant.")
    if not isinstance(scopes, str):
        raise Refused("The token's claim scope must be scopes with spaces between them.")
    if definitions is not None and not (
        isinstance(definitions, list) and all(isinstance(name, str) for name in definitions)
    ):
        raise Refused("The token's claim definitions must be a list of names.")
    return Token(
        subject=subject,
        tenant=tenant,
        scopes=frozenset(scopes.split()),
        definitions=None if definitions is None else frozenset(definitions),
    )


def _check_storable(claims: list[Any]) -> None:
    """People choose their names, and who is called U+0000 could not be looked for in any database."""
    try:
        check(claims)
    except LimitExceeded as error:
        raise Refused(f"The token's claims are not taken. {error}") from None


class _Keys:
    """The issuer's public keys: those in the settings, or those at the address that stands there."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._of = ""
        self._found: dict[str | None, Any] = {}
        self._asked = self._failed = float("-inf")

    def one(self, issuer: conf.Issuer, kid: str | None) -> Any:
        """The key of that id. Raises `jwt.PyJWTError` when the issuer has none."""
        with self._lock:
            if self._of != issuer.keys:
                self._of, self._found, self._asked, self._failed = issuer.keys, {}, float("-inf"), float("-inf")
            if not self._found and time.monotonic() - self._failed < ALONE.total_seconds():
                raise _unavailable()
            age = time.monotonic() - self._asked
            known = kid in self._found
            if age > FRESH.total_seconds() or (not known and age > AGAIN.total_seconds()):
                self._look(issuer)
            if kid not in self._found:
                raise jwt.InvalidKeyError
            return self._found[kid]

    def _look(self, issuer: conf.Issuer) -> None:
        self._asked = time.monotonic()
        try:
            document = _fetched(issuer.keys) if issuer.keys.startswith("http") else json.loads(issuer.keys)
            self._found = {key.key_id: key.key for key in jwt.PyJWKSet.from_dict(document).keys}
        except (httpx.HTTPError, httpx.InvalidURL, jwt.PyJWTError, ValueError, TypeError, AttributeError) as error:
            logger.warning("The keys of the issuer of tokens cannot be had: %s", type(error).__name__)
            if not self._found:
                self._asked, self._failed = float("-inf"), time.monotonic()
                raise _unavailable() from None


def _unavailable() -> Problem:
    sentence = "The keys that tokens are checked with cannot be had right now; try again."
    return Problem(sentence, status=503, code="issuer_unavailable", retry_after=ALONE)


def _fetched(address: str) -> Any:
    return httpx.get(address, timeout=FETCH_TIMEOUT.total_seconds()).raise_for_status().json()


_keys = _Keys()
