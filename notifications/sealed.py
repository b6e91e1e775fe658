"""Fields whose values are sealed in the database, and the keyed hash by which an address is found without being read.

What was stored before anything was sealed is read as it is, and sealed with the next write or by `manage.py reseal`.
"""

import json
from collections.abc import Mapping
from typing import Any

from django.db import models

from gateway import keyed, vault
from notifications.conf import conf

LENGTH = 64
"""Of a mark."""
ABOUT = ("topic", "locale", "timezone")
"""Members of a receiver by which nobody is found."""


class SealedText(models.TextField):
    """A text; the empty one is not sealed."""

    def get_prep_value(self, value: Any) -> Any:
        return vault.seal(value) if value else value

    def from_db_value(self, value: Any, expression: Any, connection: Any) -> Any:
        return _read(value)


class SealedJSON(models.TextField):
    """A JSON value; the empty object is not sealed."""

    _pyi_private_set_type: Any
    _pyi_private_get_type: Any

    def get_prep_value(self, value: Any) -> Any:
        if value is None:
            return None
        text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
        return vault.seal(text) if value else text

    def from_db_value(self, value: Any, expression: Any, connection: Any) -> Any:
        return None if value is None else json.loads(_read(value))

    def value_to_string(self, obj: models.Model) -> Any:
        return self.value_from_object(obj)


def marks_of(address: str, *, kind: str = "") -> list[str]:
    """What an address may be found by: one mark for each key that the settings name, the newest first.

    The same for the same address, and of no use to whoever has no key. E-mail addresses are the same in capital
    letters. `kind` tells a receiver's id from an address that looks like it.
    """
    meant = address.casefold() if "@" in address else address
    message = f"{kind}\0{meant}".encode()
    return keyed.hashes("notifications.lookup", message, conf().lookup_keys)


def mark_of(address: str, *, kind: str = "") -> str:
    """The mark that it is kept under."""
    return marks_of(address, kind=kind)[0]


def all_marks(receiver: Mapping[str, Any]) -> list[str]:
    """All of a receiver's: of its id and its addresses."""
    named = {kind: str(value) for kind, value in receiver.items() if kind not in ABOUT}
    return [found for kind, value in named.items() for found in marks_of(value, kind=_kind(kind))]


def newest_marks(receiver: Mapping[str, Any]) -> list[str]:
    """The newest mark of each."""
    return [mark_of(str(value), kind=_kind(kind)) for kind, value in receiver.items() if kind not in ABOUT]


def _kind(kind: str) -> str:
    return kind if kind == "id" else ""


def _read(value: Any) -> Any:
    return vault.unseal(value) if isinstance(value, str) and value.startswith(vault.BEGINNING) else value
