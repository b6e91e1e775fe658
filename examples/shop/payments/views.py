from datetime import timedelta

from django.db import transaction
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.urls import path
from django.views.decorators.http import require_GET, require_POST
from pydantic import BaseModel, PositiveInt

from examples.shop.participant.callbacks import call_back
from examples.shop.participant.keys import action_key_of, key_of
from examples.shop.participant.models import Entry
from examples.shop.participant.problems import Refused
from examples.shop.payments.models import Account, Charge
from sagas.participant.barrier import participant_barrier

SETTLES_AFTER = timedelta(milliseconds=300)
"""A bank takes days; this one does not keep anybody waiting."""


class Wanted(BaseModel):
    """A charge, and where to say later whether the bank has settled it."""

    order_id: str
    user_id: str
    amount: PositiveInt
    callback: str = ""


@require_POST
def take(request: HttpRequest) -> HttpResponse:
    """Take the money, once, however often the same request comes; never after it was refunded."""
    wanted = Wanted.model_validate_json(request.body)
    with transaction.atomic(), participant_barrier(key_of(request), "action") as barrier:
        if barrier.first:
            charge = _charge(wanted, key_of(request))
            call_back(wanted.callback, charge.settlement, after=SETTLES_AFTER)
            Entry.of_action(request, "charge", of=wanted.user_id, quantity=wanted.amount)
            barrier.keep(charge.shown())
    return JsonResponse(barrier.answer, status=201)


@require_POST
def give_back(request: HttpRequest) -> HttpResponse:
    """Give the money of that charge back; if there was no charge, see to it that there never will be."""
    with (
        transaction.atomic(),
        participant_barrier(key_of(request), "compensation", action_key=action_key_of(request)) as barrier,
    ):
        if barrier.first:
            charge = _refund(action_key_of(request))
            Entry.of_compensation(request, "refund", of=charge.account_id, quantity=charge.amount)
            barrier.keep({"refunded": charge.amount})
    return JsonResponse(barrier.answer or {"refunded": 0})


@require_GET
def charge_by_key(request: HttpRequest, key: str) -> HttpResponse:
    """For a caller that lost the answer: did the request with this key take any money?"""
    charge = Charge.objects.filter(key=key).first()
    if charge is None:
        raise Refused(404, "no_such_charge", "No charge was made under this key so far.")
    return JsonResponse(charge.shown())


def _charge(wanted: Wanted, key: str) -> Charge:
    account = Account.objects.select_for_update().filter(user=wanted.user_id).first()
    if account is None:
        raise Refused(404, "no_account", f'The user "{wanted.user_id}" has no account.')
    if account.card_declined:
        raise Refused(402, "card_declined", f'The card of "{account.user}" was declined.')
    if account.balance < wanted.amount:
        raise Refused(402, "balance_too_low", f'The balance of "{account.user}" is too low.')
    account.balance -= wanted.amount
    account.save(update_fields=["balance"])
    return Charge.objects.create(key=key, order=wanted.order_id, account=account, amount=wanted.amount)


def _refund(key: str) -> Charge:
    charge = Charge.objects.get(key=key)
    charge.refunded = True
    charge.save(update_fields=["refunded"])
    account = Account.objects.select_for_update().get(pk=charge.account_id)
    account.balance += charge.amount
    account.save(update_fields=["balance"])
    return charge


urlpatterns = [
    path("charges", take),
    path("refunds", give_back),
    path("charges/by-key/<path:key>", charge_by_key),
]
