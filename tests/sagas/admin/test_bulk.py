"""Many sagas at once: what it would do first, why and how fast, and then the truth about each of them."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from gateway.ids import uuid7
from sagas import Abort
from sagas.models import BulkItem, BulkOperation, Callback
from sagas.operations.working import run_bulk
from sagas.record import clock
from tests.sagas.admin.conftest import BULK, LIST, OPERATIONS, held, listed, text_of

pytestmark = pytest.mark.django_db

SURE = {"verb": "retry", "rate": "6000", "reason": "the bank is open", "do": "1"}


def page_of(operation: BulkOperation) -> str:
    return reverse("admin:sagas_bulkoperation_change", args=[operation.pk])


def begin(client, which: dict) -> BulkOperation:
    looked = client.post(BULK, {**which, "verb": "retry"})
    client.post(BULK, {**which, **SURE, "seen": looked.context["seen"]})
    return BulkOperation.objects.get()


def test_it_says_first_what_it_would_do_and_to_how_many(world, two, operator):
    found = [held(world, two) for _ in range(2)]
    ended = world.run_through(world.start(two))
    looked = operator.post(BULK, {"id": [one.pk for one in (*found, ended)]})
    shown = text_of(looked)
    assert "3 sagas." in shown
    assert "2 are eligible" in shown
    assert "It takes 3.0 s at 60 a minute" in shown
    assert "1 is not: it is completed" in shown
    assert "two charge" in shown
    assert not BulkOperation.objects.exists()


def test_what_is_not_idempotent_is_said(scenes, operator):
    shown = text_of(operator.post(BULK, {"id": scenes.in_doubt().pk}))
    assert "rich transfer is not idempotent" in shown


def test_those_that_were_ticked_are_retried_and_each_is_told_of_in_the_end(world, two, operator):
    recovers, fails, other = held(world, two), held(world, two), held(world, two)
    operation = begin(operator, {"id": [recovers.pk, fails.pk]})
    assert (operation.verb, operation.actor, operation.reason) == ("retry", "person:ann", "the bank is open")
    assert set(operation.items.values_list("saga", flat=True)) == {recovers.pk, fails.pk}
    for _ in range(2):  # each has its turn
        BulkOperation.objects.update(at=operation.at)
        run_bulk()
        world.later(timedelta(seconds=1))
    assert set(operation.items.values_list("state", flat=True)) == {"asked"}
    world.run_through(recovers)
    world.script("refund", Abort("still no"))
    world.run_through(fails)
    BulkOperation.objects.update(at=operation.at)
    run_bulk()
    items = dict(operation.items.values_list("saga", "state"))
    assert items == {recovers.pk: "recovered", fails.pk: "failed_again"}
    other.refresh_from_db()
    assert other.state == "stuck"
    shown = text_of(operator.get(page_of(operation)))
    assert "1 of 2 recovered, 1 failed again" in shown
    assert [item.saga_id for item, _ in operator.get(f"{page_of(operation)}?state=failed_again").context["items"]] == [
        fails.pk
    ]


def test_all_that_match_are_those_that_the_list_finds(world, two, operator):
    mine = [held(world, two, business_key=f"order-{number}") for number in range(3)]
    held(world, two, business_key="other")
    operation = begin(operator, {"all": "1", "query": "show=&q=order-*"})
    assert set(operation.items.values_list("saga", flat=True)) == {one.pk for one in mine}
    assert operation.selection == {"filter": {"show": "", "q": "order-*"}}


def test_it_is_not_begun_when_it_means_others_than_were_shown(world, two, operator):
    held(world, two)
    looked = operator.post(BULK, {"all": "1"})
    held(world, two)
    answer = operator.post(BULK, {"all": "1", **SURE, "seen": looked.context["seen"]})
    assert "This is what it would do now." in text_of(answer)
    assert not BulkOperation.objects.exists()


@pytest.mark.parametrize("wrong", [{"reason": " "}, {"rate": "0"}, {"rate": "many"}, {"verb": "start"}, {"seen": ""}])
def test_it_is_not_begun_without_what_it_needs(world, two, operator, wrong):
    found = held(world, two)
    answer = operator.post(BULK, {"id": found.pk, **SURE, "seen": "retry 1", **wrong})
    assert answer.status_code == 200
    assert not BulkOperation.objects.exists()


@pytest.mark.parametrize("given", [{}, {"id": "nonsense"}, {"id": str(uuid7())}, {"all": "1", "query": "state=failed"}])
def test_nothing_chosen_leads_back_to_the_list(world, two, operator, given):
    held(world, two)
    answer = operator.post(BULK, given)
    assert answer.url == LIST


def test_it_is_paused_goes_on_and_what_is_left_is_cancelled(world, two, operator):
    operation = begin(operator, {"id": held(world, two).pk})
    steer = reverse("admin:sagas_bulk_steer", args=[operation.pk])
    page = reverse("admin:sagas_bulkoperation_change", args=[operation.pk])
    assert "The last one is asked in about" in text_of(operator.get(page))
    for how, state in (("pause", "paused"), ("resume", "running"), ("cancel", "cancelled")):
        operator.post(steer, {"how": how})
        operation.refresh_from_db()
        assert operation.state == state
    assert operation.items.get().state == BulkItem.State.CANCELLED
    assert "is asked in about" not in text_of(operator.get(page))
    assert "The operation is cancelled." in text_of(operator.post(steer, {"how": "pause"}, follow=True))
    assert operator.post(steer, {"how": "drop"}).status_code == 404


def test_operations_are_listed_and_those_of_other_tenants_are_not_there(world, two, operator):
    assert "Nobody has begun one." in text_of(operator.get(OPERATIONS))
    operation = begin(operator, {"id": held(world, two).pk})
    assert page_of(operation) in operator.get(OPERATIONS).content.decode()
    BulkOperation.objects.update(tenant="theirs")
    assert "Nobody has begun one." in text_of(operator.get(OPERATIONS))
    assert operator.get(page_of(operation)).status_code == 404
    assert operator.post(reverse("admin:sagas_bulk_steer", args=[operation.pk]), {"how": "pause"}).status_code == 404


def test_its_page_costs_the_same_however_many_sagas_it_has(world, two, operator):
    costs = []
    for number in (1, 4):
        BulkOperation.objects.all().delete()
        operation = begin(operator, {"id": [held(world, two).pk for _ in range(number)]})
        with CaptureQueriesContext(connection) as queries:
            operator.get(page_of(operation))
        costs.append(len(queries))
    assert costs[0] == costs[1]


def test_a_button_that_is_pressed_twice_begins_it_once(world, two, operator, someone):
    found = held(world, two)
    looked = operator.post(BULK, {"id": found.pk})
    sent = {"id": found.pk, **SURE, "seen": looked.context["seen"], "once": str(looked.context["once"])}
    first, second = (operator.post(BULK, sent) for _ in range(2))
    assert first.url == second.url == page_of(BulkOperation.objects.get())
    other = someone("view_saga", "change_saga", name="bob").post(BULK, sent)
    assert "Another operation has that id." in text_of(other)
    assert BulkOperation.objects.count() == 1


def test_a_preview_looks_at_so_many_sagas_at_most(world, two, operator, monkeypatch):
    monkeypatch.setattr("sagas.operations.bulk.MOST_FORESEEN", 2)
    costs = []
    for _ in range(2):
        for _ in range(2):
            held(world, two)
        with CaptureQueriesContext(connection) as queries:
            operator.post(BULK, {"all": "1"})
        costs.append(len(queries))
    assert costs[0] == costs[1]


def untold(world, two):
    """A saga whose end nobody took."""
    found = world.run_through(world.start(two))
    about = {"tries": 20, "status": 500, "error": "It answered 500.", "done_at": clock.now()}
    Callback.objects.create(saga=found, url="https://shop.example.org/ended", at=clock.now(), **about)
    return found


def test_ends_that_nobody_took_are_listed_and_told_again_all_at_once(world, two, operator):
    found = {untold(world, two).pk for _ in range(2)}
    world.run_through(world.start(two))
    answer = operator.get(LIST, {"show": "untold"})
    assert {one.pk for one in listed(answer)} == found
    assert "Its end was not told: It answered 500. after 20 tries" in text_of(answer)
    looked = operator.post(BULK, {"all": "1", "query": "show=untold"})
    assert "Tell again 2" in text_of(looked)
    operator.post(BULK, {"all": "1", "query": "show=untold", "rate": "6000", "verb": "tell_again", "do": "1",
                         "reason": "it is up again", "seen": looked.context["seen"]})  # fmt: skip
    operation = BulkOperation.objects.get()
    assert (operation.verb, set(operation.items.values_list("saga", flat=True))) == ("tell_again", found)
    for _ in range(2):
        BulkOperation.objects.update(at=operation.at)
        run_bulk()
        world.later(timedelta(seconds=1))
    assert set(Callback.objects.values_list("done_at", flat=True)) == {None}
    Callback.objects.update(done_at=clock.now(), error="", status=204)
    BulkOperation.objects.update(at=operation.at)
    run_bulk()
    assert set(operation.items.values_list("state", flat=True)) == {"recovered"}


def test_it_says_when_every_end_was_told(operator):
    assert "Every end was told" in text_of(operator.get(LIST, {"show": "untold"}))
