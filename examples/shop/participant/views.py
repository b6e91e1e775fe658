"""For whoever checks and disturbs a participant: its ledger and its switches."""

from importlib import import_module

from django.conf import settings
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from examples.shop.participant.models import Call, Callback, Entry
from examples.shop.participant.switches import Switch, board


@require_GET
def ledger(request: HttpRequest) -> HttpResponse:
    """Every effect that was applied, every call in and back, and what is in hand now against the beginning."""
    books = getattr(import_module(f"examples.shop.{settings.SERVICE}.models"), "books", dict)
    return JsonResponse(
        {
            "service": settings.SERVICE,
            "entries": list(Entry.objects.order_by("pk").values()),
            "calls": list(Call.objects.order_by("pk").values()),
            "callbacks": list(Callback.objects.order_by("pk").values()),
            "books": books(),
        }
    )


@require_http_methods(["GET", "POST", "DELETE"])
def switches(request: HttpRequest) -> HttpResponse:
    match request.method:
        case "POST":
            board.set(Switch.model_validate_json(request.body))
        case "DELETE":
            board.clear()
    return JsonResponse(board.shown())


@require_POST
def release(request: HttpRequest) -> HttpResponse:
    return JsonResponse({"released": board.release()})
