"""What JSON and text may be stored: bounded in size and depth, of characters that every database takes.

PostgreSQL's text and jsonb refuse U+0000 and lone surrogates, and Python's parser refuses 5,000 nested lists, each with
an error that would be a 500. So what comes from outside, and what steps return, goes through here first. Pure: no
Django, no REST framework.
"""

import json
import math
import re
from typing import Any

LARGEST = 256 * 1024
"""Bytes of a value as compact JSON in UTF-8."""
DEEPEST = 32
"""Objects and lists inside each other."""
LONGEST_NUMBER = 300
"""Digits of a whole number; Python itself refuses to read or print more than 4,300."""

_TOO_LONG = 10**LONGEST_NUMBER
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")


class LimitExceeded(ValueError):
    """A value goes over a limit, or is not JSON; the message is a sentence that says what."""


def check(value: Any, largest: int = LARGEST) -> None:
    """Raise `LimitExceeded` for a value that is too deep, too large, not JSON, or that no database could store.

    At most 32 levels, 256 KiB as compact UTF-8 and 300 digits; no U+0000, no lone surrogate, no NaN or infinity.
    """
    seen, waiting = 0, [(value, 1)]  # a list, not recursion: no nesting is too deep for the check itself
    while waiting:
        node, depth = waiting.pop()
        _check_node(node, depth)
        if isinstance(node, dict):
            _check_names(node)
            waiting.extend((inner, depth + 1) for inner in node.values())
        elif isinstance(node, list | tuple):
            waiting.extend((inner, depth + 1) for inner in node)
        seen += 1 + (_zeros(node) if isinstance(node, float) else 0)
        if seen > largest:  # each takes a byte at least, and one list may stand in a small value very many times
            raise LimitExceeded(f"It is larger than {largest // 1024} KiB of JSON.")
    size = len(json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode())
    if size > largest:
        raise LimitExceeded(f"It has {size} bytes of JSON; at most {largest} are allowed.")


def clean_text(text: str, longest: int) -> str:
    """Any text as one that can be stored: what cannot be is shown as �, and the end is cut off with an ellipsis."""
    return _UNSTORABLE.sub("�", cut(text, longest))


def cut(text: str, longest: int) -> str:
    """A text of at most so many characters; the end that is cut off becomes an ellipsis."""
    return text if len(text) <= longest else text[: longest - 1] + "…"


def _check_node(node: Any, depth: int) -> None:
    match node:
        case None | bool():
            pass
        case str():
            _check_text(node)
        case int() if abs(node) >= _TOO_LONG:
            raise LimitExceeded(f"It has a number of more than {LONGEST_NUMBER} digits; send that as a string.")
        case float() if not math.isfinite(node):
            raise LimitExceeded("It has a number that is not finite, which JSON does not know.")
        case float() if abs(node) >= _TOO_LONG:
            raise LimitExceeded(f"It has a number of more than {LONGEST_NUMBER} digits; send that as a string.")
        case int() | float():
            pass
        case dict() | list() | tuple():
            if depth > DEEPEST:
                raise LimitExceeded(f"It is nested more than {DEEPEST} levels deep.")
        case _:
            raise LimitExceeded(f"It has a value of the type {type(node).__name__}, which is not JSON.")


def _zeros(number: float) -> int:
    """How many digits longer the number is as PostgreSQL writes it, which is without an exponent."""
    return abs(math.frexp(number)[1]) * 3 // 10 if number else 0


def _check_names(node: dict[Any, Any]) -> None:
    for name in node:
        if not isinstance(name, str):
            raise LimitExceeded("It has a name in an object that is not text.")
        _check_text(name)


def _check_text(text: str) -> None:
    if found := _UNSTORABLE.search(text):
        what = "the character U+0000" if found[0] == "\x00" else f"half of a surrogate pair (U+{ord(found[0]):04X})"
        raise LimitExceeded(f"It contains {what}, which cannot be stored.")
