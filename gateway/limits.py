"""Limits on what comes in from outside: size, depth and characters. Pure, for every door and for what steps return."""

import json
import math
from collections.abc import Iterator
from typing import Any

LARGEST = 256 * 1024
DEEPEST = 32


class LimitExceeded(ValueError):
    """A value goes over a limit; the message is a sentence that names the limit."""


def check(value: Any) -> None:
    """Raises `LimitExceeded` for a JSON value that is too deep, too large, or that no database could store.

    At most 32 levels and 256 KiB as compact UTF-8; no NUL, no lone surrogate, no NaN or infinity.
    """
    _check_depth(value)
    for text in _texts(value):
        _check_characters(text)
    size = len(json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode())
    if size > LARGEST:
        raise LimitExceeded(f"It has {size} bytes; at most {LARGEST} are allowed.")


def clean_text(text: str, longest: int) -> str:
    """Any text as one that can be stored: what cannot be is shown as �, and the end is cut off with an ellipsis."""
    cleaned = text.encode("utf-8", "replace").decode("utf-8").replace("\x00", "�")
    return cleaned if len(cleaned) <= longest else cleaned[: longest - 1] + "…"


def _check_depth(value: Any) -> None:
    level, depth = [value], 0
    while level:
        depth += 1
        if depth > DEEPEST + 1:
            raise LimitExceeded(f"It is nested more than {DEEPEST} levels deep.")
        level = [inner for outer in level for inner in _inside(outer)]


def _inside(value: Any) -> Iterator[Any]:
    if isinstance(value, dict):
        yield from value.values()
    elif isinstance(value, list | tuple):
        yield from value


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, float) and not math.isfinite(value):
        raise LimitExceeded("It contains a number that is not finite, which JSON does not know.")
    elif isinstance(value, dict):
        for name in value:
            if not isinstance(name, str):
                raise LimitExceeded("It has a name in an object that is not text.")
            yield name
    for inner in _inside(value):
        yield from _texts(inner)


def _check_characters(text: str) -> None:
    if "\x00" in text:
        raise LimitExceeded("It contains the character U+0000, which cannot be stored.")
    try:
        text.encode()
    except UnicodeEncodeError:
        raise LimitExceeded("It contains half of a surrogate pair, which is not text.") from None
