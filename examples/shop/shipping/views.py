from django.db import transaction
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.urls import path
from django.views.decorators.http import require_POST
from pydantic import BaseModel, PositiveInt

from examples.shop.participant.keys import action_key_of, key_of
from examples.shop.participant.models import Entry
from examples.shop.participant.problems import Refused
from examples.shop.shipping.models import Booking, Supply
from sagas.participant.barrier import participant_barrier

LARGEST = 500
"""So many pieces go into a parcel."""


class Wanted(BaseModel):
    order_id: str


class Parcel(Wanted):
    pieces: PositiveInt


@require_POST
def book_parcel(request: HttpRequest) -> HttpResponse:
    wanted = Parcel.model_validate_json(request.body)
    if wanted.pieces > LARGEST:
        raise Refused(422, "too_large", f"A parcel holds {LARGEST} pieces, not {wanted.pieces}.")
    return _book(request, "parcel", wanted)


@require_POST
def book_courier(request: HttpRequest) -> HttpResponse:
    return _book(request, "courier", Wanted.model_validate_json(request.body))


@require_POST
def cancel(request: HttpRequest) -> HttpResponse:
    """Call off what was booked under that key; if nothing was, see to it that nothing ever will be."""
    with (
        transaction.atomic(),
        participant_barrier(key_of(request), "compensation", action_key=action_key_of(request)) as barrier,
    ):
        if barrier.first:
            booking = Booking.objects.get(key=action_key_of(request))
            Booking.objects.filter(pk=booking.pk).update(cancelled=True)
            _take(booking.supply_id, -1)
            Entry.of_compensation(request, "cancel", of=booking.supply_id, quantity=1)
            barrier.keep(booking.shown())
    return JsonResponse(barrier.answer or {"booking_id": None})


def _book(request: HttpRequest, what: str, wanted: Wanted) -> HttpResponse:
    with transaction.atomic(), participant_barrier(key_of(request), "action") as barrier:
        if barrier.first:
            _take(what, 1)
            booking = Booking.objects.create(key=key_of(request), order=wanted.order_id, supply_id=what)
            Entry.of_action(request, f"book {what}", of=what, quantity=1)
            barrier.keep(booking.shown())
    return JsonResponse(barrier.answer, status=201)


def _take(what: str, number: int) -> None:
    supply = Supply.objects.select_for_update().get(name=what)
    supply.left -= number
    supply.save(update_fields=["left"])


urlpatterns = [
    path("parcels", book_parcel),
    path("parcels/cancel", cancel),
    path("couriers", book_courier),
    path("couriers/cancel", cancel),
]
