from django.db import transaction
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.urls import path
from django.views.decorators.http import require_GET, require_POST
from pydantic import BaseModel, PositiveInt

from examples.shop.participant.keys import action_key_of, key_of
from examples.shop.participant.models import Entry
from examples.shop.participant.problems import Refused
from examples.shop.stock.models import Item, Reservation
from sagas.participant.barrier import participant_barrier


class Wanted(BaseModel):
    order_id: str
    sku: str
    quantity: PositiveInt


@require_GET
def stock(request: HttpRequest, sku: str) -> HttpResponse:
    item = Item.objects.filter(sku=sku).first()
    if item is None:
        raise Refused(404, "no_such_item", f'There is no item "{sku}".')
    return JsonResponse({"sku": item.sku, "on_hand": item.on_hand})


@require_POST
def reserve(request: HttpRequest) -> HttpResponse:
    wanted = Wanted.model_validate_json(request.body)
    with transaction.atomic(), participant_barrier(key_of(request), "action") as barrier:
        if barrier.first:
            reservation = _set_aside(wanted, key_of(request))
            Entry.of_action(request, "reserve", of=wanted.sku, quantity=wanted.quantity)
            barrier.keep({"reservation_id": reservation.pk, "sku": wanted.sku, "quantity": wanted.quantity})
    return JsonResponse(barrier.answer, status=201)


@require_POST
def release(request: HttpRequest) -> HttpResponse:
    with (
        transaction.atomic(),
        participant_barrier(key_of(request), "compensation", action_key=action_key_of(request)) as barrier,
    ):
        if barrier.first:
            reservation = _put_back(action_key_of(request))
            Entry.of_compensation(request, "release", of=reservation.item_id, quantity=reservation.quantity)
            barrier.keep({"released": reservation.quantity})
    return JsonResponse(barrier.answer or {"released": 0})


def _set_aside(wanted: Wanted, key: str) -> Reservation:
    item = Item.objects.select_for_update().filter(sku=wanted.sku).first()
    if item is None:
        raise Refused(404, "no_such_item", f'There is no item "{wanted.sku}".')
    if item.on_hand < wanted.quantity:
        raise Refused(422, "out_of_stock", f'There are {item.on_hand} pieces of "{item.sku}", not {wanted.quantity}.')
    item.on_hand -= wanted.quantity
    item.save(update_fields=["on_hand"])
    return Reservation.objects.create(key=key, order=wanted.order_id, item=item, quantity=wanted.quantity)


def _put_back(key: str) -> Reservation:
    reservation = Reservation.objects.get(key=key)
    reservation.released = True
    reservation.save(update_fields=["released"])
    item = Item.objects.select_for_update().get(pk=reservation.item_id)
    item.on_hand += reservation.quantity
    item.save(update_fields=["on_hand"])
    return reservation


urlpatterns = [
    path("stock/<sku>", stock),
    path("reservations", reserve),
    path("reservations/release", release),
]
