"""The right to be forgotten: a receiver is erased, and what came of it can be asked."""

from typing import Annotated, Any, ClassVar
from uuid import UUID

from django.http import Http404
from django.urls import reverse
from pydantic import Field
from rest_framework.request import Request
from rest_framework.response import Response

from gateway.description import Call
from gateway.door import Door
from gateway.pages import page
from gateway.problems import Problem
from gateway.shapes import PageQuery, Shape, read, read_query
from notifications.api import examples
from notifications.api.answers import ErasureDocument, ErasurePage
from notifications.api.shapes import LONGEST_ADDRESS, Line
from notifications.channels.channel import channels
from notifications.erasing import erase
from notifications.models import Erasure


class ErasureIn(Shape):
    """Who is to be forgotten: by an id, by addresses, or both."""

    receiver: dict[str, Annotated[Line, Field(max_length=LONGEST_ADDRESS)]] = Field(min_length=1, max_length=20)
    reason: Line = Field("", max_length=500, min_length=0)


class Erasures(Door):
    """`POST` begins to forget a receiver, `GET` lists what was forgotten."""

    needs: ClassVar = {"GET": "notifications.view_erasure", "POST": "notifications.add_erasure"}
    calls: ClassVar = {
        "GET": Call("List erasures", ErasurePage, query=PageQuery, example=examples.page(examples.ERASURE)),
        "POST": Call(
            "Forget a receiver",
            ErasureDocument,
            status=202,
            body=ErasureIn,
            sends={"receiver": {"id": "jane"}, "reason": "She asked us to."},
            example=examples.ERASURE,
        ),
    }

    def get(self, request: Request) -> Response:
        """A page of them, the newest first. Whose they were cannot be told any more."""
        read_query(PageQuery, request)
        return Response(page(request, Erasure.objects.filter(tenant=self.caller.tenant)).document(_document))

    def post(self, request: Request) -> Response:
        """202: profile and subscriptions are gone; messages are forgotten one after the other, in a minute or so."""
        given = read(ErasureIn, request.data)
        known = ["id", *dict.fromkeys(channel.address for channel in channels().values())]
        if strange := [kind for kind in given.receiver if kind not in known]:
            sentence = f"Nobody is found by {strange[0][:64]!r}; there are: {', '.join(dict.fromkeys(known))}."
            raise Problem(sentence, status=422, code="unknown_address")
        begun = erase(self.caller, given.receiver, given.reason)
        where: str = request.build_absolute_uri(reverse("notifications:erasure", args=[begun.pk]))
        return Response(_document(Erasure.objects.get(pk=begun.pk)), 202, headers={"Location": where})


class OneErasure(Door):
    """`GET` says how far it is."""

    needs: ClassVar = {"GET": "notifications.view_erasure"}
    calls: ClassVar = {"GET": Call("See how far an erasure is", ErasureDocument, example=examples.ERASURE)}

    def get(self, request: Request, pk: UUID) -> Response:
        """How many were forgotten so far; it is done when it has ended."""
        found = Erasure.objects.filter(tenant=self.caller.tenant, pk=pk).first()
        if found is None:
            raise Http404
        return Response(_document(found))


def _document(erasure: Erasure) -> dict[str, Any]:
    return {
        "id": str(erasure.pk),
        "done": erasure.ended_at is not None,
        "notifications": erasure.notifications,
        "cancelled": erasure.cancelled,
        "actor": erasure.actor,
        "reason": erasure.reason or None,
        "created_at": erasure.created_at,
        "ended_at": erasure.ended_at,
    }
