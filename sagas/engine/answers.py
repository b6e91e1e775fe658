"""What an answer means.

| what came back                                                  | means           |
|-----------------------------------------------------------------|-----------------|
| 2xx                                                             | done            |
| 4xx but for the lines below, 501, 505, a redirect               | refused         |
| 408, 409, 425, 429, 503                                         | not now         |
| any other 5xx                                                   | unknown         |
| 401, 403, 407; 404 without a problem document of the service    | denied          |
| 410, 404 with a problem document, while undoing                 | nothing there   |

A 404 that the service did not write itself comes from a wrong address, also while undoing, and says nothing of the
effect.
A service's settings may put a status elsewhere: `{"not_now": [423], "refused": [409]}`.
"""

import json
from collections.abc import Collection, Mapping
from enum import StrEnum
from typing import Any, NoReturn

import httpx

LARGEST_ANSWER = 1024 * 1024


class Meaning(StrEnum):
    """What a status says; each is also the name of a service's setting, a list of statuses."""

    DONE = "done"
    REFUSED = "refused"
    NOT_NOW = "not_now"
    UNKNOWN = "unknown"
    DENIED = "denied"
    NOTHING_THERE = "nothing_there"


_NOT_NOW = {408, 409, 425, 429, 503}
_DENIED = {401, 403, 407}
_REFUSED = {501, 505}


def meaning_of(status: int, *, own_words: bool, compensating: bool) -> Meaning:
    """What a status means by default. `own_words`: the answer is a problem document, so the service itself speaks."""
    if 200 <= status < 300:
        return Meaning.DONE
    if status in _NOT_NOW:
        return Meaning.NOT_NOW
    if status in _DENIED or (status == 404 and not own_words):
        return Meaning.DENIED
    if compensating and status in (404, 410):
        return Meaning.NOTHING_THERE
    if status in _REFUSED or 300 <= status < 500:
        return Meaning.REFUSED
    return Meaning.UNKNOWN


def meanings(settings: Mapping[str, Any]) -> dict[int, Meaning]:
    """The statuses that a service's settings put elsewhere. Raises `ValueError` for a status in two lists."""
    found: dict[int, Meaning] = {}
    for meaning in Meaning:
        statuses: Collection[int] = settings.get(meaning.value, ())
        for status in statuses:
            if found.setdefault(status, meaning) is not meaning:
                raise ValueError(
                    f'Status {status} is in "{found[status]}" and in "{meaning}"; it can mean one thing only.'
                )
    return found


def read_body(response: httpx.Response) -> bytes | None:
    """The body, or `None` when it is larger than we take."""
    body = bytearray()
    for chunk in response.iter_raw():
        body += chunk
        if len(body) > LARGEST_ANSWER:
            return None
    return bytes(body)


def parsed(body: bytes) -> Any:
    return json.loads(body, parse_constant=_no_number) if body.strip() else None


def _no_number(word: str) -> NoReturn:
    raise ValueError(f"{word} is not JSON")


def media_type(response: httpx.Response) -> str:
    content_type: str = response.headers.get("content-type", "")
    return content_type.partition(";")[0].strip().lower()


def explanation(body: bytes | None) -> str:
    """The sentence of a problem document, or of the plainer shapes that many services use."""
    try:
        problem = parsed(body or b"")
    except (ValueError, RecursionError):
        return ""
    if not isinstance(problem, dict):
        return ""
    said = next((problem[word] for word in ("detail", "title", "message", "error") if problem.get(word)), "")
    return said if isinstance(said, str) else ""
