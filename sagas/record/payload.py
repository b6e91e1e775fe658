"""The one way in and out of the database for what teams and callers give us.

Limits stand here, and what a model marks as sensitive is sealed here.
"""

from collections.abc import Callable, Collection
from typing import Any

from pydantic import BaseModel
from pydantic_core import to_jsonable_python

from gateway import limits
from sagas.errors import words_of
from sagas.record import sealing
from sagas.words.sensitive import MARK, MASK, SEAL

LONGEST_TEXT = 4000


class Unstorable(ValueError):
    """The value is not JSON, or too large, too deep or of characters that no database takes."""


def pack(value: Any, known: Collection[str] = ()) -> Any:
    """A value as JSON that can be stored: pydantic models, dataclasses, dates, UUIDs and decimals become JSON too.

    What a model marks as sensitive is sealed, and so is a text that repeats a secret which is `known` to whoever made
    the value. Raises `Unstorable` with a sentence.
    """
    return _packed(value, lambda context: to_jsonable_python(value, context=context), known)


def pack_model(model: BaseModel) -> Any:
    """A model that was read from outside, by the names of its fields. Raises `Unstorable` with a sentence."""
    return _packed(model, lambda context: model.model_dump(mode="json", context=context), ())


def _packed(value: Any, as_json: Callable[[dict[str, Any]], Any], known: Collection[str]) -> Any:
    ours: set[str] = set()
    masks: list[str] = []

    def seal(plain: Any) -> dict[str, str]:
        if plain == MASK:
            masks.append(plain)
        sealed = sealing.sealed(sealing.opened(plain))  # what is sealed in it would keep its key when this is resealed
        ours.add(sealed[MARK])
        return sealed

    try:
        _refuse_iterators(value)
        packed = as_json({SEAL: seal})
        if masks:
            raise Unstorable(f"It has the mask {MASK} in place of something sensitive; send that itself.")
        limits.check(packed)
        _refuse_marks(packed, ours)
        return sealing.without_echoes(packed, known) if known else packed
    except Exception as error:  # a value is asked for its parts, and what it raises then may be anything
        raise Unstorable(text(words_of(error), 500)) from None


def _refuse_iterators(value: Any) -> None:
    """An iterator would be read to its end, which it need not have."""
    waiting = [value]
    for _ in range(limits.LARGEST):
        if not waiting:
            return
        node = waiting.pop()
        if isinstance(node, dict):
            waiting.extend(node.values())
        elif isinstance(node, list | tuple | set | frozenset):
            waiting.extend(node)
        elif hasattr(type(node), "__next__"):
            raise Unstorable(f"It holds a {type(node).__name__}, which may have no end; make a list of it.")


def _refuse_marks(packed: Any, ours: set[str]) -> None:
    """Only what was sealed here may look like it."""
    waiting = [packed]
    for node in waiting:  # it grows meanwhile
        if isinstance(node, dict):
            if MARK in node and (len(node) != 1 or str(node[MARK]) not in ours):
                raise Unstorable(f"It has the name {MARK!r}, which is kept for what is stored sealed; use another.")
            waiting.extend(node.values())
        elif isinstance(node, list):
            waiting.extend(node)


def unpack(stored: Any, found: set[str] | None = None) -> Any:
    """What `pack` stored, with what was sealed in it; those secrets are added to `found`, as texts.

    Raises `gateway.vault.Unreadable`.
    """
    return sealing.opened(stored, found)


def shown(stored: Any) -> Any:
    """What `pack` stored, as everybody may see it."""
    return sealing.masked(stored)


def text(words: str, longest: int = LONGEST_TEXT) -> str:
    """Any text as one that can be stored and shown, cut at `longest` characters."""
    return limits.clean_text(words, longest)
