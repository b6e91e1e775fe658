"""The addresses to which nothing is sent: listed, entered, taken out; and one-click unsubscribing."""

from typing import Any, ClassVar
from uuid import UUID

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods
from pydantic import Field
from rest_framework.request import Request
from rest_framework.response import Response

from gateway.description import Call
from gateway.door import Door
from gateway.pages import page
from gateway.problems import Problem
from gateway.shapes import PageQuery, Shape, read, read_query
from notifications import unsubscribing
from notifications.api import examples
from notifications.api.answers import SuppressionDocument, SuppressionPage
from notifications.api.shapes import LONGEST_ADDRESS, Line, Name
from notifications.channels.channel import channels
from notifications.masking import masked
from notifications.models import Reason, Suppression
from notifications.news import suppress
from notifications.sealed import marks_of


class SuppressionIn(Shape):
    """An address that somebody enters; without a category it is for all."""

    channel: Name
    address: Line = Field(max_length=LONGEST_ADDRESS)
    category: Name | None = None
    detail: str = Field("", max_length=500)


class SuppressionQuery(PageQuery):
    """What the list can be narrowed to."""

    address: str | None = Field(None, max_length=LONGEST_ADDRESS)


class Suppressions(Door):
    """`GET` lists them, `POST` enters one."""

    needs: ClassVar = {"GET": "notifications.view_suppression", "POST": "notifications.add_suppression"}
    calls: ClassVar = {
        "GET": Call(
            "List the addresses to which nothing is sent",
            SuppressionPage,
            query=SuppressionQuery,
            example=examples.page(examples.SUPPRESSION),
        ),
        "POST": Call(
            "Have nothing sent to an address",
            SuppressionDocument,
            status=201,
            body=SuppressionIn,
            sends=examples.SUPPRESS,
            example=examples.SUPPRESSION,
        ),
    }

    def get(self, request: Request) -> Response:
        """A page of them, the newest first; `?address=` only those of one."""
        query = read_query(SuppressionQuery, request)
        rows = Suppression.objects.filter(tenant=self.caller.tenant)
        if query.address is not None:
            rows = rows.filter(mark__in=marks_of(query.address))
        return Response(page(request, rows).document(_document))

    def post(self, request: Request) -> Response:
        """Nothing more is sent there, whatever waits for it. The first reason stays."""
        given = read(SuppressionIn, request.data)
        if given.channel not in channels():
            raise Problem(f"There is no channel {given.channel!r}.", status=422, code="unknown_channel")
        place = {"tenant": self.caller.tenant, "channel": given.channel, "category": given.category or ""}
        suppress(**place, address=given.address, reason=Reason.BY_HAND, detail=given.detail)
        kept = Suppression.objects.filter(**place, mark__in=marks_of(given.address)).order_by("id")
        return Response(_document(kept[0]), 201)


class OneSuppression(Door):
    """`DELETE` takes one out."""

    needs: ClassVar = {"DELETE": "notifications.delete_suppression"}
    calls: ClassVar = {"DELETE": Call("Write to an address again", status=204)}

    def delete(self, request: Request, pk: UUID) -> Response:
        """The address is written to again; what has ended meanwhile is not sent by itself."""
        gone, _ = Suppression.objects.filter(tenant=self.caller.tenant, pk=pk).delete()
        if not gone:
            raise Http404
        return Response(status=204)


@csrf_exempt  # the token is the authority: there is no session that a forged request could borrow
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def unsubscribe(request: HttpRequest, token: str) -> HttpResponse:
    """POST says no (RFC 8058: mail programs do it with one click); looking at it decides nothing, since robots look."""
    try:
        subscription = unsubscribing.read(token)
    except unsubscribing.NotOurs:
        return render(request, "notifications/unsubscribe.html", {"known": False}, status=404)
    if request.method == "POST":
        unsubscribing.unsubscribe(subscription)
    shown = {
        "known": True,
        "done": request.method == "POST",
        "category": subscription.category,
        "address": masked(subscription.address),
    }
    response = render(request, "notifications/unsubscribe.html", shown)
    response.headers["Referrer-Policy"] = "no-referrer"
    return response


def _document(row: Suppression) -> dict[str, Any]:
    return {
        "id": str(row.pk),
        "channel": row.channel,
        "address": row.address or None,
        "category": row.category or None,
        "reason": row.reason,
        "detail": row.detail or None,
        "created_at": row.created_at,
    }
