"""Topics: who is told what is sent to one."""

from typing import Any, ClassVar

from django.http import Http404
from rest_framework.request import Request
from rest_framework.response import Response

from gateway.description import Call
from gateway.door import Door
from gateway.pages import page
from gateway.problems import Problem
from gateway.shapes import PageQuery, read
from notifications.api import examples
from notifications.api.answers import SubscriberDocument, SubscriberPage
from notifications.api.shapes import TopicPath
from notifications.models import Receiver, Subscriber

TOLD = {"receiver": "jane"}


class Subscribers(Door):
    """`GET` a topic's subscribers."""

    needs: ClassVar = {"GET": "notifications.view_receiver"}
    calls: ClassVar = {
        "GET": Call("List the subscribers of a topic", SubscriberPage, query=PageQuery, example=examples.page(TOLD)),
    }

    def get(self, request: Request, topic: str) -> Response:
        """A page of them, in the order in which they came."""
        rows = Subscriber.objects.filter(tenant=self.caller.tenant, topic=topic)
        return Response(page(request, rows, by="id").document(_document))


class OneSubscriber(Door):
    """`PUT` lets a receiver be told, `DELETE` no more."""

    needs: ClassVar = {"PUT": "notifications.change_receiver", "DELETE": "notifications.change_receiver"}
    calls: ClassVar = {
        "PUT": Call(
            "Let a receiver be told what is sent to a topic",
            SubscriberDocument,
            more={201: "It was not told before."},
            problems=(422,),
            example=TOLD,
        ),
        "DELETE": Call("Let a receiver be told no more", status=204),
    }

    def put(self, request: Request, topic: str, key: str) -> Response:
        """The receiver is kept already: its addresses are looked up when something is sent."""
        topic = read(TopicPath, {"topic": topic}).topic
        if not Receiver.objects.filter(tenant=self.caller.tenant, key=key).exists():
            raise Problem(f"There is no receiver {key[:64]!r}; PUT it first.", status=422, code="unknown_receiver")
        row, made = Subscriber.objects.get_or_create(tenant=self.caller.tenant, topic=topic, receiver=key)
        return Response(_document(row), 201 if made else 200)

    def delete(self, request: Request, topic: str, key: str) -> Response:
        """What was fanned out already is sent all the same."""
        gone, _ = Subscriber.objects.filter(tenant=self.caller.tenant, topic=topic, receiver=key).delete()
        if not gone:
            raise Http404
        return Response(status=204)


def _document(row: Subscriber) -> dict[str, Any]:
    return {"receiver": row.receiver}
