"""A few doors to knock at: the addresses that the gateway's tests use."""

from typing import ClassVar

from django.contrib.auth.models import Group
from django.db import OperationalError
from django.http import HttpRequest, HttpResponse
from django.urls import path
from psycopg.errors import LockNotAvailable
from pydantic import Field
from rest_framework.exceptions import Throttled
from rest_framework.request import Request
from rest_framework.response import Response

from gateway import health, idempotency, metrics, pages
from gateway.door import Door
from gateway.ids import uuid7
from gateway.models import IdempotencyKey
from gateway.problems import Problem
from gateway.shapes import Query, Shape, Text, read, read_query

VIEW = "gateway.view_idempotencykey"
ADD = "gateway.add_idempotencykey"


class Order(Shape):
    customer: Text = Field(max_length=20)
    priority: int = Field(0, ge=0, le=9)


class Filter(Query):
    state: str | None = None


class Echo(Door):
    """Says what it was sent, and by whom."""

    needs: ClassVar = {"GET": VIEW, "POST": ADD}

    def get(self, request: Request) -> Response:
        return Response({"caller": str(self.caller), "tenant": self.caller.tenant})

    def post(self, request: Request) -> Response:
        return Response(request.data)


class Orders(Door):
    """Takes orders, once under each key; an order here is a group, a row that needs no other."""

    needs: ClassVar = {"POST": ADD, "GET": VIEW, "DELETE": "gateway.nobody_has_this"}

    def post(self, request: Request) -> Response:
        key = idempotency.key_of(request)
        with idempotency.remembered(self.caller, "order", key, request.data) as memory:
            if memory.answer:
                return memory.answer.response()
            order = read(Order, request.data)
            if order.customer == "nobody":
                raise Problem("Nobody is no customer.", status=409, code="nobody", allowed=["somebody"])
            made = Group.objects.create(name=str(uuid7()))
            answer = {"id": made.pk, "customer": order.customer}
            memory.keep(201, answer)
        return Response(answer, 201)

    def get(self, request: Request) -> Response:
        asked = read_query(Filter, request)
        return Response(asked.model_dump())

    def delete(self, request: Request) -> Response:
        return Response({})


class Keys(Door):
    """The keys, in pages."""

    needs: ClassVar = {"GET": VIEW}

    def get(self, request: Request) -> Response:
        return Response(pages.page(request, IdempotencyKey.objects.all()).document(lambda row: row.key))


class Unguarded(Door):
    """Forgot to say what it needs."""

    def get(self, request: Request) -> Response:
        return Response({"secret": True})


class Breaks(Door):
    """Raises what the address names."""

    needs: ClassVar = {"GET": VIEW}

    def get(self, request: Request, what: str) -> Response:
        if what == "locked":
            raise OperationalError("canceling statement") from LockNotAvailable()
        raise {
            "database": OperationalError("server closed the connection"),
            "bug": ZeroDivisionError("the secret is 42"),
            "throttled": Throttled(wait=7),
        }[what]


def plain(request: HttpRequest) -> HttpResponse:
    """A view that is no door, and finds the database out."""
    raise OperationalError("server closed the connection")


urlpatterns = [
    path("plain/", plain),
    path("livez", health.livez),
    path("readyz", health.readyz),
    path("metrics", metrics.metrics),
    path("api/echo/", Echo.as_view()),
    path("api/orders/", Orders.as_view()),
    path("api/keys/", Keys.as_view()),
    path("api/unguarded/", Unguarded.as_view()),
    path("api/breaks/<what>/", Breaks.as_view()),
]
