"""JSON as it comes in, refused before it can do harm: too large, too deep, ambiguous, or of unstorable characters."""

import json
import re
from collections.abc import Mapping
from typing import IO, Any

from rest_framework.parsers import BaseParser

from gateway.limits import DEEPEST, LARGEST, LONGEST_NUMBER, LimitExceeded, check
from gateway.problems import Problem

# A string, closed or not, is stepped over in one go, so it never tracks back, whatever it is fed; then come brackets.
_TOKENS = re.compile(rb'"(?:[^"\\]++|\\.)*+"?|[\[{]|[\]}]', re.DOTALL)


class JSONParser(BaseParser):
    """Reads at most 256 KiB of UTF-8, 32 levels deep; refuses NaN, keys given twice, U+0000 and lone surrogates."""

    media_type = "application/json"
    largest = LARGEST

    def parse(
        self, stream: IO[Any], media_type: str | None = None, parser_context: Mapping[str, Any] | None = None
    ) -> Any:
        """The value in the request's body. Raises a 400 or 413 problem that says what to change."""
        request = (parser_context or {}).get("request")
        announced = request.META.get("CONTENT_LENGTH") if request is not None else None
        if announced and announced.isdecimal() and int(announced) > self.largest:
            raise _too_large(self.largest)
        body: bytes = stream.read(self.largest + 1)
        if len(body) > self.largest:
            raise _too_large(self.largest)
        return parsed(body, self.largest)


def parsed(body: bytes, largest: int = LARGEST) -> Any:
    """The value in JSON text, within the limits. Raises a 400 problem."""
    try:
        _check_nesting(body)
        value = json.loads(body.decode(), object_pairs_hook=_unique, parse_int=_whole)
        check(value, largest)
    except LimitExceeded as error:
        raise Problem(f"The body cannot be accepted. {error}", code="unacceptable_json") from None
    except UnicodeDecodeError as error:
        raise Problem(f"The body is not UTF-8 (byte {error.start}).", code="malformed_json") from None
    except json.JSONDecodeError as error:
        where = f"at line {error.lineno}, column {error.colno}"
        raise Problem(f"The body is not JSON: {error.msg} {where}.", code="malformed_json") from None
    return value


def _check_nesting(body: bytes) -> None:
    if body.count(b"[") + body.count(b"{") <= DEEPEST:
        return
    depth = 0
    for found in _TOKENS.finditer(body):
        depth += (found[0] in (b"[", b"{")) - (found[0] in (b"]", b"}"))
        if depth > DEEPEST:
            raise LimitExceeded(f"It is nested more than {DEEPEST} levels deep.")


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value: dict[str, Any] = {}
    for name, inner in pairs:
        if name in value:
            raise LimitExceeded(f"The name {name[:100]!r} is given twice in one object.")
        value[name] = inner
    return value


def _whole(digits: str) -> int:
    # Thousands of digits would take `int` long, and then Python refuses them with a sentence of its own.
    if len(digits) > LONGEST_NUMBER:
        raise LimitExceeded(f"It has a number of more than {LONGEST_NUMBER} digits; send that as a string.")
    return int(digits)


def _too_large(largest: int) -> Problem:
    return Problem(f"The body is larger than {largest // 1024} KiB.", status=413, code="too_large")
