"""Providers that are called over HTTP: one way to call them, one way to read what their status means."""

import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from gateway.calls import Answer, Lost, NotReached, post
from gateway.guard import Forbidden, Guard
from notifications.channels.channel import ChannelError
from notifications.verdict import Result

LONGEST_QUOTE = 300

_OUT = {408, 425, 429, 503}  # not taken: come later
_DENIED = {401, 402, 403, 407}


def post_json(url: str, value: Any, headers: Mapping[str, str], *, guard: Guard | None = None) -> Answer:
    """POST a JSON value. Raises `ChannelError` for whatever is no success; its text holds no address and no key."""
    body = json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()
    return _post(url, body, {"Content-Type": "application/json", **headers}, guard)


def post_form(url: str, fields: Mapping[str, str], headers: Mapping[str, str]) -> Answer:
    """POST a form, like `post_json`."""
    return _post(
        url, urlencode(fields).encode(), {"Content-Type": "application/x-www-form-urlencoded", **headers}, None
    )


def post_bytes(url: str, body: bytes, headers: Mapping[str, str], *, guard: Guard | None = None) -> Answer:
    """POST a body as it is, like `post_json`."""
    return _post(url, body, headers, guard)


def member(answer: Answer, *path: str) -> str:
    """A text inside a JSON answer, empty when it is not there: a provider that took a letter owes nobody an id."""
    try:
        found = json.loads(answer.body)
        for name in path:
            found = found[name]
    except (ValueError, LookupError, TypeError, RecursionError):
        return ""
    return str(found) if isinstance(found, str | int) else ""


def meaning(status: int) -> Result:
    """What a status says: 2xx taken, 4xx refused, "later" and "not you" apart, redirects refused, 5xx perhaps taken."""
    if 200 <= status < 300:
        return Result.SENT
    if status in _OUT:
        return Result.OUT
    if status in _DENIED:
        return Result.DENIED
    if status == 410:
        return Result.GONE
    return Result.REFUSED if status < 500 or status in (501, 505) else Result.UNKNOWN


def _post(url: str, body: bytes, headers: Mapping[str, str], guard: Guard | None) -> Answer:
    try:
        answer = post(url, body, headers=headers, guard=guard)
    except Forbidden as error:
        raise ChannelError(str(error), Result.REFUSED, code="forbidden") from None
    except NotReached as error:
        raise ChannelError(str(error), Result.OUT, code="not_reached") from None
    except Lost as error:
        raise ChannelError(str(error), Result.UNKNOWN, code="no_answer") from None
    result = meaning(answer.status)
    if result != Result.SENT:
        said = " ".join(answer.body[:LONGEST_QUOTE].decode("utf-8", "replace").split())
        sentence = f"It was answered with {answer.status}" + (f": {said}" if said else ".")
        raise ChannelError(sentence, result, code=str(answer.status), retry_after=answer.retry_after)
    return answer
