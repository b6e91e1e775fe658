"""What is stored so that the database alone does not give it away: text, sealed under the keys in the settings.

    sealed = seal("4111 1111 1111 1111")     # "sealed:1f0c2a9b:gAAAAABp…"
    unseal(sealed)
    reseal(sealed)                           # the same text under the newest key

The first key seals, and all of them unseal. So a key is changed in three steps, and nothing has to stand still: put a
new one before the others, run `manage.py reseal`, and take the old one away. A sealed text names its key, so that what
is under an old one can be counted, and a key that was taken away too soon is named.
"""

import base64
import hashlib
import re
from collections.abc import Mapping
from functools import cache

from cryptography.fernet import Fernet, InvalidToken
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

from gateway import conf

BEGINNING = "sealed:"
NEW_KEY = 'python -c "from cryptography.fernet import Fernet; print(Fernet.generate_key().decode())"'

_SEALED = re.compile(r"sealed:([0-9a-f]{8}):([A-Za-z0-9_=-]+)")


class Unreadable(Exception):
    """A sealed text cannot be read; the message says why, and what to do. It holds nothing of the text."""


def seal(text: str) -> str:
    """The text under the newest key, different every time. Raises `ImproperlyConfigured` where there is no key."""
    name = _newest()
    return f"{BEGINNING}{name}:{_keys()[name].encrypt(text.encode()).decode()}"


def unseal(sealed: str) -> str:
    """The text. Raises `Unreadable` when its key is not there any more, or when it was damaged."""
    found = _SEALED.fullmatch(sealed)
    if found is None:
        raise Unreadable("This is not a sealed text, or a part of one: restore it from a backup.")
    name, token = found.groups()
    key = _keys().get(name)
    if key is None:
        raise Unreadable(
            f"It was sealed under the key {name}, which is gone: put that key into VAULT_KEYS, at the end."
        )
    try:
        return key.decrypt(token).decode()
    except InvalidToken:
        raise Unreadable(f"It was sealed under the key {name}, and damaged since: restore it from a backup.") from None


def reseal(sealed: str) -> str:
    """The same text under the newest key; the very same string when it is. Raises `Unreadable`."""
    return sealed if sealed.startswith(f"{BEGINNING}{_newest()}:") else seal(unseal(sealed))


def required(by: str) -> None:
    """Raise `ImproperlyConfigured` where nothing could be sealed; `by` says, at the begin of a sentence, what must be.

    For an app's `ready()`: a process that would fail at the first secret does not start.
    """
    if not has_keys():
        raise ImproperlyConfigured(
            f"{by} must be stored sealed, and VAULT_KEYS is missing: set it to what {NEW_KEY} prints."
        )


def has_keys() -> bool:
    """Can anything be sealed?"""
    return bool(_keys())


def fault_of(key: str) -> str | None:
    """What is wrong with a key, as the end of a sentence; None if it is one."""
    try:
        Fernet(key)
    except ValueError:
        return f"is no key, which is 32 random bytes in URL-safe Base64: take what {NEW_KEY} prints"
    return None


def _newest() -> str:
    required("A secret")
    return next(iter(_keys()))


def _keys() -> Mapping[str, Fernet]:
    given = conf.current().VAULT_KEYS
    return _keys_of(_from_secret_keys() if given is None else tuple(given))


@cache
def _keys_of(given: tuple[str, ...]) -> Mapping[str, Fernet]:
    """By their names, which tell one from another and nothing else."""
    for number, key in enumerate(given, 1):
        if fault := fault_of(key):
            raise ImproperlyConfigured(f"Number {number} of VAULT_KEYS {fault}.")
    return {hashlib.sha256(key.encode()).hexdigest()[:8]: Fernet(key) for key in given}


def _from_secret_keys() -> tuple[str, ...]:
    """For development: as good as the project's key, and gone with it."""
    return tuple(map(_derived, (settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS)))


@cache
def _derived(secret: str) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(f"gateway.vault:{secret}".encode()).digest()).decode()
