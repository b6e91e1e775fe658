"""The providers: how they do, and what they tell us."""

from typing import Any, ClassVar

from django.core.exceptions import ImproperlyConfigured
from django.http import Http404
from django.utils import timezone
from rest_framework.request import Request
from rest_framework.response import Response

from gateway.description import Call
from gateway.door import Door
from gateway.limits import LARGEST
from gateway.problems import Problem
from gateway.signatures import Unverified
from notifications import news
from notifications.api import examples
from notifications.api.answers import ProviderList, TakenDocument
from notifications.channels.channel import News, provider
from notifications.conf import conf
from notifications.providers import Standing, standings


class Providers(Door):
    """`GET` lists the providers in the order of preference; what they are made with is never shown."""

    needs: ClassVar = {"GET": "notifications.view_providerhealth"}
    calls: ClassVar = {
        "GET": Call("List the providers, and how they do", ProviderList, example={"results": [examples.PROVIDER]}),
    }

    def get(self, request: Request) -> Response:
        """Each with its channel and its circuit breaker: "open" is left alone, "trying" is tried by one message."""
        return Response({"results": [_document(standing) for standing in standings(timezone.now())]})


class ProviderEvents(Door):
    """`POST`: a provider's webhook. It is known by its signature, so it needs no key."""

    authentication_classes = ()
    permission_classes = ()
    calls: ClassVar = {
        "POST": Call(
            "Tell what became of messages, as their provider",
            TakenDocument,
            status=202,
            problems=(401, 409, 413, 422),
            example={"taken": 1},
            open=True,
        )
    }

    def post(self, request: Request, name: str) -> Response:
        """Take what it says, each event once. 409 asks it to come again: its news were faster than our record."""
        told = _verified(request, name)
        unknown = news.take(name, told)
        if unknown:
            sentence = f"{len(unknown)} of {len(told)} events are about nothing that is known yet; tell them again."
            raise Problem(sentence, status=409, code="not_known_yet")
        return Response({"taken": len(told)}, 202)


def _verified(request: Request, name: str) -> list[News]:
    if name not in conf().providers:
        raise Http404
    if int(request.META.get("CONTENT_LENGTH") or 0) > LARGEST:
        raise Problem(f"The body is larger than {LARGEST // 1024} KiB.", status=413, code="too_large")
    headers = {key.lower(): value for key, value in request.headers.items()}
    try:
        told = provider(name).events(headers, request._request.body)
    except Unverified as error:
        raise Problem(str(error), status=401, code="unverified") from None
    except ImproperlyConfigured:
        raise Http404 from None
    except ValueError as error:
        raise Problem(str(error), status=422, code="invalid_body") from None
    if unheard := [one.kind for one in told if one.kind not in news.KINDS]:
        kinds = ", ".join(news.KINDS)
        sentence = f"There is no event {unheard[0][:32]!r}; there are: {kinds}."
        raise Problem(sentence, status=422, code="unknown_event")
    return told


def _document(standing: Standing) -> dict[str, Any]:
    return {
        "name": standing.name,
        "channel": standing.channel,
        "breaker": standing.breaker,
        "failures": standing.failures,
        "open_until": standing.open_until,
        "error": standing.error or None,
        "per_minute": standing.per_minute or None,
        "free_at": standing.free_at,
    }
