"""Events that leave and arrive: how they stand, what is parked, and what is done about it."""

from typing import Any, ClassVar

from rest_framework.request import Request
from rest_framework.response import Response

from gateway.description import Call
from gateway.pages import page
from gateway.problems import Problem
from gateway.shapes import PageQuery, read, read_query
from sagas.api import examples
from sagas.api.answers import InboxPage, LetterAnswer, OutboxPage, PostDocument
from sagas.api.door import SagaDoor
from sagas.api.shapes import LettersIn, OutboxQuery, VerbQuery
from sagas.events import backlog
from sagas.events.backlog import Line
from sagas.models import InboxEvent, OutboxEvent
from sagas.operations import posting
from sagas.operations.audit import the_reason
from sagas.operations.posting import Direction, Verb


class PostDoor(SagaDoor):
    """What the doors of events share: they are about all sagas, so a key for some definitions may not."""

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Let in whom the key lets in, but for keys of some definitions."""
        super().initial(request, *args, **kwargs)
        if self.caller.definitions is not None:
            sentence = "Events are about all sagas, and this key is for some definitions only."
            raise Problem(sentence, status=403, code="definition_not_held")


class EventsOverviewDoor(PostDoor):
    """How events stand."""

    calls: ClassVar = {"GET": Call("See how events stand", PostDocument, example=examples.POST)}

    def get(self, request: Request) -> Response:
        """Each target and source: what waits, since when, what is parked, and why a target is not reached."""
        tenant = self.caller.tenant
        outgoing, incoming = backlog.going_out(tenant), backlog.coming_in(tenant)
        return Response({"out": list(map(_line, outgoing)), "in": list(map(_line, incoming))})


class OutboxDoor(PostDoor):
    """Events that leave."""

    calls: ClassVar = {
        "GET": Call(
            "List events that leave", OutboxPage, query=OutboxQuery, example=examples.page(examples.OUTBOX_EVENT)
        )
    }

    def get(self, request: Request) -> Response:
        """What is parked, the newest first; with `?saga=` all that this saga has told, sent or not."""
        asked = read_query(OutboxQuery, request)
        mine = OutboxEvent.objects.filter(tenant=self.caller.tenant)
        found = mine.filter(state=OutboxEvent.State.PARKED) if asked.saga is None else mine.filter(saga=asked.saga)
        return Response(page(request, found).document(lambda event: _outgoing(self.sight.look(event))))


class InboxDoor(PostDoor):
    """Events that arrived."""

    calls: ClassVar = {
        "GET": Call("List events that arrived", InboxPage, query=PageQuery, example=examples.page(examples.INBOX_EVENT))
    }

    def get(self, request: Request) -> Response:
        """What is parked, the newest first."""
        read_query(PageQuery, request)
        found = InboxEvent.objects.filter(tenant=self.caller.tenant, state=InboxEvent.State.PARKED)
        return Response(page(request, found).document(lambda event: _arrived(self.sight.look(event))))


class LettersDoor(PostDoor):
    """One verb on events that are parked."""

    needs: ClassVar = {"POST": "sagas.change_saga"}
    verb: ClassVar[Verb]
    direction: ClassVar[Direction]

    def post(self, request: Request) -> Response:
        """How many it was done to, or with `?dry_run=true` what would be done; 409 when none of them is parked."""
        asked, given = read_query(VerbQuery, request), read(LettersIn, request.data)
        which: dict[str, Any] = {"tenant": self.caller.tenant, "ids": given.ids, "of": given.of}
        why = {"actor": self.caller.name, "reason": the_reason(given.reason, self.verb)}
        if asked.dry_run:
            seen = posting.foresee(self.verb, self.direction, **which)
            return Response({"verb": self.verb, "dry_run": True, "ids": seen.events, "sentences": list(seen.sentences)})
        return Response({"events": getattr(posting, self.verb)(self.direction, **why, **which)})


def letters_door(verb: str, direction: str) -> Any:
    """The view of one verb and direction."""
    which = "leave" if direction == "out" else "arrived"
    call = Call(
        f"{verb.capitalize()} parked events that {which}",
        LetterAnswer,
        body=LettersIn,
        query=VerbQuery,
        problems=(409,),
        sends={"ids": [71], "reason": "The queue is bound now."},
        example={"events": 1},
    )
    known = {"verb": verb, "direction": direction, "calls": {"POST": call}}
    return type(f"{verb.capitalize()}{direction.capitalize()}Door", (LettersDoor,), known).as_view()  # type: ignore[attr-defined]


def _line(line: Line) -> dict[str, Any]:
    return {
        "name": line.name,
        "kind": line.kind or None,
        "waiting": line.waiting,
        "parked": line.parked,
        "oldest_at": line.oldest,
        "trouble": line.trouble or None,
        "trouble_since": line.since,
    }


def _outgoing(event: OutboxEvent) -> dict[str, Any]:
    return {
        "id": event.pk,
        "event_id": event.event_id,
        "type": event.type,
        "target": event.target or None,
        "saga": str(event.saga),
        "state": event.state,
        "reason": event.error or None,
        "tries": event.tries,
        "at": event.at,
        "due_at": event.due_at,
        "log": event.log,
    }


def _arrived(event: InboxEvent) -> dict[str, Any]:
    return {
        "id": event.pk,
        "event_id": event.event_id,
        "type": event.type or None,
        "source": event.source,
        "origin": event.origin or None,
        "state": event.state,
        "reason": event.reason or None,
        "at": event.at,
    }
