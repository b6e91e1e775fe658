"""Sealed values inside stored JSON: how they come in and out, what is shown instead, and what must not echo them."""

import json
from collections.abc import Callable, Iterable
from typing import Any
from urllib.parse import quote

from gateway import vault
from sagas.words.sensitive import MARK, MASK

SHORTEST = 3
"""Shorter secrets are not looked for in what people read: they would be found everywhere."""


def sealed(plain: Any) -> dict[str, str]:
    """A JSON value as it is stored."""
    return {MARK: vault.seal(json.dumps(plain, ensure_ascii=False, separators=(",", ":")))}


def opened(stored: Any, found: set[str] | None = None) -> Any:
    """The JSON with all that is sealed in it open; what was sealed is added to `found`, as texts.

    Raises `gateway.vault.Unreadable`.
    """

    def open_one(token: str) -> Any:
        plain = json.loads(vault.unseal(token))
        if found is not None:
            found.update(texts(plain))
        return plain

    return replaced(stored, open_one)


def masked(stored: Any) -> Any:
    """The JSON as everybody may see it."""
    return replaced(stored, lambda token: MASK)


def resealed(stored: Any) -> Any:
    """The JSON under the newest key; the same object when it is. Raises `gateway.vault.Unreadable`."""
    fresh = replaced(stored, lambda token: {MARK: vault.reseal(token)})
    return stored if fresh == stored else fresh


def replaced(stored: Any, instead: Callable[[str], Any]) -> Any:
    """The JSON with something else where a value is sealed; the same object where none is."""
    return _replaced(stored, instead) if holds_sealed(stored) else stored


def holds_sealed(stored: Any) -> bool:
    """Is anything in it sealed?"""
    waiting = [stored]
    for node in waiting:  # it grows meanwhile
        if isinstance(node, dict):
            if MARK in node:
                return True
            waiting.extend(node.values())
        elif isinstance(node, list):
            waiting.extend(node)
    return False


def restored(given: Any, before: Any) -> Any:
    """An edited JSON: where it still has the mask, there is what was sealed in that place before."""
    if is_sealed(before):
        return opened(before) if given == MASK else given
    if isinstance(given, dict) and isinstance(before, dict):
        return {name: restored(value, before.get(name)) for name, value in given.items()}
    if isinstance(given, list) and isinstance(before, list):
        others = before + [None] * len(given)
        return [restored(value, old) for value, old in zip(given, others, strict=False)]
    return given


def scrubbed(text: str, known: Iterable[str]) -> str:
    """A text that people read, without the secrets that its writer knew."""
    for secret in _spellings(known):
        text = text.replace(secret, MASK)
    return text


def without_echoes(packed: Any, known: Iterable[str]) -> Any:
    """JSON in which each text that repeats a secret is sealed, too."""
    secrets = _spellings(known)
    return _without(packed, secrets) if secrets else packed


def is_sealed(node: Any) -> bool:
    """Is this very value sealed?"""
    return isinstance(node, dict) and MARK in node


def _replaced(node: Any, instead: Callable[[str], Any]) -> Any:
    if is_sealed(node):
        return instead(node[MARK])
    if isinstance(node, dict):
        return {name: _replaced(value, instead) for name, value in node.items()}
    if isinstance(node, list):
        return [_replaced(value, instead) for value in node]
    return node


def _without(node: Any, secrets: list[str]) -> Any:
    if is_sealed(node):
        return node
    if isinstance(node, dict):
        return {scrubbed(name, secrets): _without(value, secrets) for name, value in node.items()}
    if isinstance(node, list):
        return [_without(value, secrets) for value in node]
    said = str(node) if isinstance(node, str | int | float) and not isinstance(node, bool) else ""
    return sealed(node) if any(secret in said for secret in secrets) else node


def texts(plain: Any) -> Iterable[str]:
    """All that is said in a JSON value, as texts."""
    waiting = [plain]
    for node in waiting:
        if isinstance(node, dict):
            waiting.extend(node.values())
        elif isinstance(node, list):
            waiting.extend(node)
        elif node is not None and not isinstance(node, bool):
            yield str(node)


def _spellings(known: Iterable[str]) -> list[str]:
    """The secrets as they may stand in a text, the longest first."""
    long = [secret for secret in known if len(secret) >= SHORTEST]
    found = {
        spelt for secret in long for spelt in (secret, json.dumps(secret)[1:-1], repr(secret)[1:-1], quote(secret))
    }
    return sorted(found, key=lambda spelt: (-len(spelt), spelt))
