"""The doors of the notification service; they read, call the verb and answer, and have no rules of their own."""

from typing import Any, ClassVar
from uuid import UUID

from django.http import Http404
from django.urls import reverse
from rest_framework.request import Request
from rest_framework.response import Response

from gateway import idempotency
from gateway.description import Call
from gateway.door import Door
from gateway.pages import page, sifted_page
from gateway.problems import Problem
from gateway.shapes import read, read_query
from gateway.trace import traceparent_of
from notifications import operations
from notifications.api import documents, examples, shapes
from notifications.api.answers import AcceptAnswer, LookedAfter, NotificationDocument, NotificationPage
from notifications.explanation import explain
from notifications.models import Notification

SCOPE = "notifications.accept"
INDEXED = ("status", "part_of", "digest")
"""What the list is narrowed to by an index; by category it is sifted."""


class Notifications(Door):
    """`POST` accepts a notification, `GET` lists them, the newest first."""

    needs: ClassVar = {"GET": "notifications.view_notification", "POST": "notifications.add_notification"}
    calls: ClassVar = {
        "GET": Call(
            "List notifications", NotificationPage, query=shapes.ListQuery, example=examples.page(examples.LINE)
        ),
        "POST": Call(
            "Tell somebody something",
            AcceptAnswer,
            status=202,
            more={200: "With `dry_run`: what would happen, and why."},
            body=shapes.NotificationIn,
            query=shapes.AcceptQuery,
            headers=("Idempotency-Key", "traceparent"),
            problems=(409, 410),
            sends=examples.SEND,
            example=examples.ACCEPTED,
        ),
    }

    def get(self, request: Request) -> Response:
        """A page of notifications, `?status=`, `?category=`, `?part_of=` and `?digest=` only those."""
        query = read_query(shapes.ListQuery, request)
        wanted = {name: getattr(query, name) for name in INDEXED if getattr(query, name) is not None}
        rows = Notification.objects.of(self.caller.tenant).filter(**wanted)
        if query.category is None:
            return Response(page(request, rows).document(documents.summary))
        shown = sifted_page(request, rows, lambda found: found.filter(category=query.category))
        return Response(shown.document(documents.summary))

    def post(self, request: Request) -> Response:
        """202 once it is stored; it is sent after that, whatever happens to broker and workers."""
        key = idempotency.key_of(request)
        given = read(shapes.NotificationIn, request.data)
        if read_query(shapes.AcceptQuery, request).dry_run:
            return Response(explained(self, given))
        with idempotency.remembered(self.caller, SCOPE, key, request.data) as memory:
            if memory.answer:
                return memory.answer.response()
            notification = accept(self, given, traceparent_of(request))
            answer = documents.accepted(notification)
            memory.keep(202, answer)
        return Response(answer, 202, headers={"Location": _address(request, notification.pk)})


class OneNotification(Door):
    """`GET` says what became of a notification."""

    needs: ClassVar = {"GET": "notifications.view_notification"}
    calls: ClassVar = {
        "GET": Call("Look at a notification", NotificationDocument, example=examples.FULL),
    }

    def get(self, request: Request, pk: UUID) -> Response:
        """The notification with its timeline; 404 when there is none, or it is somebody else's."""
        rows = Notification.objects.of(self.caller.tenant).filter(pk=pk)
        notification = rows.prefetch_related("deliveries", "attempts__delivery", "events").first()
        if notification is None:
            raise Http404
        return Response(documents.full(notification))


class Retry(Door):
    """`POST {reason}` tries once more what was not sent; 409 says what can be done instead."""

    needs: ClassVar = {"POST": "notifications.change_notification"}
    calls: ClassVar = {
        "POST": Call(
            "Try once more what was not sent, or is unknown",
            LookedAfter,
            body=shapes.ReasonIn,
            problems=(409,),
            sends={"reason": "The address is right now."},
            example=examples.RETRIED,
        )
    }

    def post(self, request: Request, pk: UUID) -> Response:
        """The notification as it stands then."""
        given = read(shapes.ReasonIn, request.data if request.data is not None else {})
        try:
            notification = operations.retry(self.caller, pk, given.reason)
        except Notification.DoesNotExist:
            raise Http404 from None
        except operations.NotAllowed as error:
            raise Problem(str(error), status=409, code="not_allowed", allowed=error.allowed) from None
        return Response(documents.looked_after(notification))


def accept(door: Door, given: shapes.NotificationIn, traceparent: str) -> Notification:
    """Keep it, or raise the 422 problem that says what is wrong with it."""
    try:
        return operations.accept(door.caller, given.wanted(), traceparent=traceparent)
    except operations.Unacceptable as error:
        raise as_problem(error) from None


def explained(door: Door, given: shapes.NotificationIn) -> dict[str, Any]:
    """What would happen to it, or the 422 problem that it would get."""
    try:
        return explain(operations.draft(door.caller, given.wanted()))
    except operations.Unacceptable as error:
        raise as_problem(error) from None


def as_problem(error: operations.Unacceptable, place: str = "") -> Problem:
    """What the caller is told; `place` is where in the request the message stands."""
    pointer = place + error.pointer
    errors: list[dict[str, Any]] = [{"pointer": pointer, "detail": str(error)}]
    sentence = f"It cannot be sent: {pointer}: {error}"
    return Problem(sentence, status=422, code="unacceptable", errors=errors)


def _address(request: Request, pk: UUID) -> str:
    address: str = request.build_absolute_uri(reverse("notifications:notification", args=[pk]))
    return address
