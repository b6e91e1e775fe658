"""A saga's moves as they happen: server-sent events."""

import json
import time
from collections.abc import Iterator
from datetime import timedelta
from typing import ClassVar
from uuid import UUID

from django.http import StreamingHttpResponse
from rest_framework.request import Request
from rest_framework.utils.encoders import JSONEncoder

from gateway.borrowing import give_back
from gateway.description import Call
from gateway.problems import Problem
from sagas.api import examples
from sagas.api.answers import JournalDocument
from sagas.api.documents import journal_document
from sagas.api.door import SagaDoor
from sagas.api.watching import places
from sagas.models import Journal, Saga
from sagas.operations.waiting import Wanted, watcher
from sagas.record.sight import Sight

LONGEST = timedelta(minutes=5)
"""After that the stream ends; a client comes again with `Last-Event-ID` and misses nothing."""
STILL_HERE = timedelta(seconds=15)
AT_ONCE = 100
KIND = "text/event-stream"
HEADERS = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}


class EventsDoor(SagaDoor):
    """Every transaction on a saga as one event, from its first one or after `Last-Event-ID`."""

    calls: ClassVar = {
        "GET": Call("Follow a saga", JournalDocument, headers=("Last-Event-ID",), kind=KIND, example=examples.JOURNAL)
    }

    def get(self, request: Request, pk: UUID) -> StreamingHttpResponse:
        """A stream of `move` events, each with an entry of the journal, and at the end one `ended`."""
        saga = self.saga(pk)
        after = _after(request)
        stream = _stream(saga, after, self.sight)
        if next(stream) is None:
            sentence = "Too many requests wait in this process already; try again, or read the journal."
            raise Problem(sentence, status=503, code="too_many_streams", retry_after=timedelta(seconds=5))
        return StreamingHttpResponse(stream, content_type=KIND, headers=HEADERS)

    def head(self, request: Request, pk: UUID) -> StreamingHttpResponse:
        """What a stream begins with, and no stream: servers would read one to its end, only to drop it."""
        self.saga(pk)
        _after(request)
        return StreamingHttpResponse((), content_type=KIND, headers=HEADERS)


def _stream(saga: Saga, after: int, sight: Sight) -> Iterator[str | None]:
    """First whether there is a place for it, "" or None; then the events. It holds its place until it is closed."""
    end = time.monotonic() + LONGEST.total_seconds()
    with places.one() as free:
        yield "" if free else None
        while free:
            entries = list(Journal.objects.filter(saga_id=saga.pk, rev__gt=after).order_by("rev")[:AT_ONCE])
            for entry in entries:
                after = entry.rev
                yield _event("move", journal_document(sight.look(entry)), entry.rev)
            if len(entries) == AT_ONCE:
                continue
            seen = Saga.objects.filter(pk=saga.pk).values_list("state", "rev", "ended_at").first()
            give_back()
            if seen is None or (seen[2] is not None and seen[1] <= after):
                yield _event("ended", {"state": seen[0] if seen else "removed"})
                return
            if time.monotonic() > end:
                return
            if not watcher.wait(saga.pk, _beyond(after), STILL_HERE):
                yield ": still here\n\n"


def _beyond(rev: int) -> Wanted:
    return lambda seen: seen.rev > rev


def _event(name: str, data: object, number: int | None = None) -> str:
    head = f"id: {number}\n" if number is not None else ""
    return f"{head}event: {name}\ndata: {json.dumps(data, cls=JSONEncoder)}\n\n"


def _after(request: Request) -> int:
    given = request.headers.get("Last-Event-ID", "0").strip()
    if given.isascii() and given.isdecimal() and len(given) < 19:
        return int(given)
    raise Problem("Last-Event-ID is the id of an event of this stream.", code="invalid_last_event_id")
