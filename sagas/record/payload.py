"""The one way in and out of the database for what teams and callers give us.

Limits stand here; encryption will.
"""

from typing import Any

from pydantic_core import PydanticSerializationError, to_jsonable_python

from gateway import limits

LONGEST_TEXT = 4000


class Unstorable(ValueError):
    """The value is not JSON, or too large, too deep or of characters that no database takes."""


def pack(value: Any) -> Any:
    """A value as JSON that can be stored: pydantic models, dataclasses, dates, UUIDs and decimals become JSON too.

    Raises `Unstorable` with a sentence.
    """
    try:
        packed = to_jsonable_python(value)
        limits.check(packed)
    except (PydanticSerializationError, ValueError, RecursionError, UnicodeError) as error:
        raise Unstorable(text(str(error), 500)) from None
    return packed


def unpack(stored: Any) -> Any:
    """What `pack` stored."""
    return stored


def text(words: str, longest: int = LONGEST_TEXT) -> str:
    """Any text as one that can be stored and shown, cut at `longest` characters."""
    return limits.clean_text(words, longest)
