"""The one way in and out of the database for what teams and callers give us.

Limits stand here; encryption will.
"""

from typing import Any

from pydantic_core import to_jsonable_python

from gateway import limits
from sagas.errors import words_of

LONGEST_TEXT = 4000


class Unstorable(ValueError):
    """The value is not JSON, or too large, too deep or of characters that no database takes."""


def pack(value: Any) -> Any:
    """A value as JSON that can be stored: pydantic models, dataclasses, dates, UUIDs and decimals become JSON too.

    Raises `Unstorable` with a sentence.
    """
    try:
        _refuse_iterators(value)
        packed = to_jsonable_python(value)
        limits.check(packed)
    except Exception as error:  # a value is asked for its parts, and what it raises then may be anything
        raise Unstorable(text(words_of(error), 500)) from None
    return packed


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


def unpack(stored: Any) -> Any:
    """What `pack` stored."""
    return stored


def text(words: str, longest: int = LONGEST_TEXT) -> str:
    """Any text as one that can be stored and shown, cut at `longest` characters."""
    return limits.clean_text(words, longest)
