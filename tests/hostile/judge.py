"""What no answer may be, whatever was asked."""

import json
from collections.abc import Iterator
from typing import Any, NoReturn

from tests.hostile.call import Answer, Call

LARGEST_REFUSAL = 64 * 1024
MARK = "<script>stored"
"""What is stored as text by hostile callers; it must never come back as a tag of a page."""


def faults(call: Call, answer: Answer) -> list[str]:
    """What is wrong with the answer, in sentences; none when all is well."""
    found = list(_faults(call, answer))
    return [f"{fault}\n{answer.logged[-3000:]}" for fault in found] if found else []


def _faults(call: Call, answer: Answer) -> Iterator[str]:
    if answer.status >= 500 and call.path != "/readyz":  # nobody sweeps in tests, so nothing is ready
        yield f"it was answered with {answer.status}"
    if b"Traceback (most" in answer.body or b'File "/' in answer.body:
        yield "a traceback is in the answer"
    if any("\n" in value or "\r" in value for value in answer.headers.values()):
        yield "a header was split"
    if call.method == "HEAD" or answer.status in (204, 304):
        return
    kind = answer.headers.get("Content-Type", "")
    if kind.startswith("text/html"):
        if MARK.encode() in answer.body:
            yield "what a caller wrote became a tag of the page"
    elif call.path.startswith("/api/") or "json" in kind:
        yield from _faults_of_json(answer, kind)


def _faults_of_json(answer: Answer, kind: str) -> Iterator[str]:
    if kind.startswith("text/event-stream"):
        yield from _faults_of_a_stream(answer.body.decode())
    if "svg" in kind or kind.startswith(("text/plain", "text/event-stream", "application/vnd.oai", "application/yaml")):
        return
    try:
        document = json.loads(answer.body.decode(), parse_constant=_no_number)
    except ValueError as error:
        yield f"the answer ({answer.status}, {kind}) is not JSON: {error}: {answer.body[:200]!r}"
        return
    if answer.status >= 400:
        yield from _faults_of_a_problem(answer, kind, document)


def _faults_of_a_stream(body: str) -> Iterator[str]:
    """Each event has its fields, a line each, and what it tells is JSON; a line of anybody's own would be an event."""
    for part in body.split("\n\n"):
        fields = dict(line.partition(": ")[::2] for line in part.split("\n") if line and not line.startswith(":"))
        if fields and (fields.keys() - {"id", "event", "data"} or fields.get("event") not in ("move", "ended")):
            yield f"a stream has {sorted(fields)}: {part[:200]!r}"
        elif fields:
            json.loads(fields["data"], parse_constant=_no_number)


def _faults_of_a_problem(answer: Answer, kind: str, document: Any) -> Iterator[str]:
    if not kind.startswith("application/problem+json"):
        yield f"a refusal ({answer.status}) came as {kind}"
    if len(answer.body) > LARGEST_REFUSAL:
        yield f"a refusal has {len(answer.body)} bytes"
    missing = {"type", "title", "status", "detail", "code"} - set(document)
    if missing:
        yield f"the refusal lacks {sorted(missing)}"
    elif document["status"] != answer.status:
        yield "the refusal names another status"
    elif not (isinstance(document["detail"], str) and document["detail"].rstrip().endswith((".", "!", "?"))):
        yield f"the refusal is no sentence: {document['detail']!r}"


def _no_number(word: str) -> NoReturn:
    raise ValueError(f"{word} is not JSON")
