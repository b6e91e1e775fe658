from django.db import transaction
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.urls import path
from django.views.decorators.http import require_POST

from examples.shop.orders.models import Order
from examples.shop.participant.keys import key_of
from examples.shop.participant.models import Entry
from sagas.participant.barrier import participant_barrier


@require_POST
def confirm(request: HttpRequest, order_id: str) -> HttpResponse:
    with transaction.atomic(), participant_barrier(key_of(request), "action") as barrier:
        if barrier.first:
            Order.objects.get_or_create(id=order_id)
            Entry.of_action(request, "confirm", of=order_id)
            barrier.keep({"order_id": order_id, "state": "confirmed"})
    return JsonResponse(barrier.answer)


urlpatterns = [path("orders/<order_id>/confirm", confirm)]
