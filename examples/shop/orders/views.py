from django.db import transaction
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.urls import path
from django.views.decorators.http import require_POST

from examples.shop.orders.models import Order
from examples.shop.participant.keys import action_key_of, key_of
from examples.shop.participant.models import Entry
from sagas.participant.barrier import participant_barrier


@require_POST
def confirm(request: HttpRequest, order_id: str) -> HttpResponse:
    with transaction.atomic(), participant_barrier(key_of(request), "action") as barrier:
        if barrier.first:
            Order.objects.update_or_create(id=order_id, defaults={"state": Order.State.CONFIRMED})
            Entry.of_action(request, "confirm", of=order_id)
            barrier.keep({"order_id": order_id, "state": Order.State.CONFIRMED})
    return JsonResponse(barrier.answer)


@require_POST
def cancel(request: HttpRequest, order_id: str) -> HttpResponse:
    with (
        transaction.atomic(),
        participant_barrier(key_of(request), "compensation", action_key=action_key_of(request)) as barrier,
    ):
        if barrier.first:
            Order.objects.filter(id=order_id).update(state=Order.State.CANCELLED)
            Entry.of_compensation(request, "cancel", of=order_id)
            barrier.keep({"order_id": order_id, "state": Order.State.CANCELLED})
    return JsonResponse(barrier.answer or {"order_id": order_id, "state": None})


urlpatterns = [
    path("orders/<order_id>/confirm", confirm),
    path("orders/<order_id>/cancel", cancel),
]
