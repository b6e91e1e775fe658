"""The doors of the notification service; they read, call the verb and answer, and have no rules of their own."""

from typing import ClassVar
from uuid import UUID

from django.http import Http404
from django.urls import reverse
from rest_framework.request import Request
from rest_framework.response import Response

from gateway import idempotency
from gateway.door import Door
from gateway.pages import page
from gateway.problems import Problem
from gateway.shapes import read, read_query
from gateway.trace import traceparent_of
from notifications import operations
from notifications.api import shapes
from notifications.models import Notification


class Notifications(Door):
    """`POST` accepts a notification, `GET` lists them, the newest first."""

    needs: ClassVar = {"GET": "notifications.view_notification", "POST": "notifications.add_notification"}

    def get(self, request: Request) -> Response:
        """A page of notifications, `?status=` only those."""
        query = read_query(shapes.ListQuery, request)
        rows = Notification.objects.of(self.caller.tenant)
        if query.status is not None:
            rows = rows.filter(status=query.status)
        return Response(page(request, rows).document(shapes.summary))

    def post(self, request: Request) -> Response:
        """202 once it is stored; it is sent after that, whatever happens to broker and workers."""
        key = idempotency.key_of(request)
        given = read(shapes.NotificationIn, request.data)
        with idempotency.remembered(self.caller, "notifications.accept", key, request.data) as memory:
            if memory.answer:
                return memory.answer.response()
            try:
                notification = operations.accept(
                    self.caller,
                    receiver=given.receiver,
                    content=given.content.model_dump(exclude_none=True),
                    traceparent=traceparent_of(request),
                )
            except operations.Unacceptable as error:
                raise _as_problem(error) from None
            answer = shapes.accepted(notification)
            memory.keep(202, answer)
        return Response(answer, 202, headers={"Location": _address(request, notification.pk)})


class OneNotification(Door):
    """`GET` says what became of a notification."""

    needs: ClassVar = {"GET": "notifications.view_notification"}

    def get(self, request: Request, pk: UUID) -> Response:
        """The notification with its attempts; 404 when there is none, or it is somebody else's."""
        notification = Notification.objects.of(self.caller.tenant).prefetch_related("attempts").filter(pk=pk).first()
        if notification is None:
            raise Http404
        return Response(shapes.full(notification))


def _as_problem(error: operations.Unacceptable) -> Problem:
    return Problem(
        f"It cannot be sent: {error.pointer}: {error}",
        status=422,
        code="unacceptable",
        errors=[{"pointer": error.pointer, "detail": str(error)}],
    )


def _address(request: Request, pk: UUID) -> str:
    address: str = request.build_absolute_uri(reverse("notifications:notification", args=[pk]))
    return address
