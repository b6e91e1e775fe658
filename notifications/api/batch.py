"""Many notifications in one request, each accepted or refused by itself."""

from typing import Any, ClassVar

from django.http import HttpRequest
from rest_framework.request import Request
from rest_framework.response import Response

from gateway import idempotency
from gateway.description import Call
from gateway.door import Door
from gateway.problems import Problem
from gateway.shapes import read
from gateway.trace import traceparent_of
from notifications.api import documents, examples, shapes
from notifications.api.answers import NotificationBatch
from notifications.api.views import SCOPE, accept


class Batch(Door):
    """`POST {"items": […]}`: up to 1,000 bodies of a notification, each perhaps with an `idempotency_key` of its own.

    The answer is 200 and has a result for each item, in order: its status and the body that it would have got by
    itself. The keys are those of single requests: what was accepted alone is known here, and the other way round.
    """

    needs: ClassVar = {"POST": "notifications.add_notification"}
    calls: ClassVar = {
        "POST": Call(
            "Tell many",
            NotificationBatch,
            body=shapes.NotificationBatchIn,
            headers=("traceparent",),
            sends={"items": [{**examples.SEND, "idempotency_key": "order-17"}]},
            example={"results": [{"status": 202, "replayed": False, "body": examples.ACCEPTED}]},
        )
    }

    def post(self, request: Request) -> Response:
        """Every item in a transaction of its own, so what was accepted is kept whatever comes after it."""
        given = read(shapes.NotificationBatchIn, request.data)
        traceparent = traceparent_of(request)
        return Response({"results": [self._one(request._request, item, traceparent) for item in given.items]})

    def _one(self, request: HttpRequest, item: Any, traceparent: str) -> dict[str, Any]:
        try:
            key, body = _taken_apart(item)
            given = read(shapes.NotificationIn, body)
            with idempotency.remembered(self.caller, SCOPE, key, body) as memory:
                if memory.answer:
                    return {"status": memory.answer.status, "replayed": True, "body": memory.answer.body}
                answer = documents.accepted(accept(self, given, traceparent))
                memory.keep(202, answer)
            return {"status": 202, "replayed": False, "body": answer}
        except Problem as problem:
            return {"status": problem.status_code, "replayed": False, "body": problem.document(request)}


def _taken_apart(item: Any) -> tuple[str | None, Any]:
    if not isinstance(item, dict):
        return None, item
    body = dict(item)
    key = body.pop("idempotency_key", None)
    if key is not None and not isinstance(key, str):
        raise Problem("The idempotency_key is a text.", status=422, code="idempotency_key_invalid")
    return (None if key is None else idempotency.checked_key(key)), body
