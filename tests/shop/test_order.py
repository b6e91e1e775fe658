"""The order saga through the coordinator's engine, with the real services behind it."""

import json
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.test import override_settings
from django.utils import timezone

from examples.shop.client import Participants
from examples.shop.ledgers import check
from sagas.engine import deliver
from sagas.models import Run, Saga, Work
from sagas.operations import start
from tests.sagas.peer import answer, listening

pytestmark = pytest.mark.django_db(transaction=True)

ORDER = {"user_id": "alice", "sku": "book", "quantity": 2, "amount": 4990}


def run_to_its_end(shop: Participants, *, mailer: str = "", **changes: Any) -> Saga:
    """Start an order and deliver what is due, without waiting for the pauses, until nothing is."""
    services = shop.services | ({"notifications": {"url": mailer, "token": "mailer-token"}} if mailer else {})
    saga = start("order", {"order_id": str(uuid4()), **ORDER, **changes}, actor="test").saga
    with override_settings(SAGAS={"SERVICES": services}):
        for _ in range(100):
            Run.objects.filter(saga=saga, work=Work.DUE).update(at=timezone.now() - timedelta(seconds=1))
            due = Run.objects.filter(saga=saga, work=Work.DUE).first()
            if due is None:
                break
            deliver(due.pk, due.fence, uuid4())
    saga.refresh_from_db()
    return saga


def violations(shop: Participants, saga: Saga) -> list[str]:
    ended = {"undone": [str(saga.id)]} if saga.state != "completed" else {"completed": [str(saga.id)]}
    return [found for found in check(shop.urls, **ended) if str(saga.id) in found]


def done(shop: Participants, saga: Saga) -> list[str]:
    return [entry["what"] for ledger in shop.ledgers() for entry in ledger["entries"] if str(saga.id) in entry["key"]]


def test_an_order_completes(shop: Participants) -> None:
    saga = run_to_its_end(shop)
    assert saga.state == "completed"
    assert done(shop, saga) == ["reserve", "charge", "confirm"]
    assert violations(shop, saga) == []


def test_the_customer_is_told_once_the_order_is_confirmed(shop: Participants) -> None:
    with listening() as mailer:
        mailer.script = answer(202, {"id": "1", "status": "accepted"})
        saga = run_to_its_end(shop, mailer=mailer.url, order_id="A-7")
    (request,) = mailer.requests
    assert saga.state == "completed"
    assert request.line == "POST /api/v1/notifications/ HTTP/1.1"
    assert request.headers["idempotency-key"].startswith(f"{saga.id}:notify:")
    assert json.loads(request.body)["receiver"] == {"email": "alice@shop.example"}


FAILURES = ["error", "error_after", "unavailable", "cut", "garbage", "truncated"]
PLACES = [("stock", "/reservations"), ("payments", "/charges"), ("orders", "/orders/A-7/confirm")]


@pytest.mark.parametrize("failure", FAILURES)
@pytest.mark.parametrize(("service", "path"), PLACES)
def test_one_failure_anywhere_does_not_stop_an_order(shop: Participants, service: str, path: str, failure: str) -> None:
    shop.switch(service, failure, path=path, method="POST")
    saga = run_to_its_end(shop, order_id="A-7")
    assert saga.state == "completed"
    assert done(shop, saga) == ["reserve", "charge", "confirm"]
    assert violations(shop, saga) == []


@pytest.mark.parametrize("failure", ["declined", *FAILURES])
@pytest.mark.parametrize(("service", "path"), [place for place in PLACES if place[0] != "payments"])
def test_a_failure_that_lasts_turns_the_order_back_and_leaves_nothing_behind(
    shop: Participants, service: str, path: str, failure: str
) -> None:
    shop.switch(service, failure, path=path, method="POST", times=5)
    saga = run_to_its_end(shop, order_id="A-7")
    assert saga.state == "compensated"
    assert violations(shop, saga) == []


@pytest.mark.parametrize(
    ("failure", "state"),
    [("declined", "compensated"), ("error", "compensated"), ("unavailable", "compensated"), ("cut", "completed")],
)
def test_whether_a_lost_charge_was_made_is_asked_and_decides(shop: Participants, failure: str, state: str) -> None:
    shop.switch("payments", failure, path="/charges", method="POST", times=5)
    saga = run_to_its_end(shop)
    assert saga.state == state
    assert violations(shop, saga) == []


@pytest.mark.parametrize("failure", FAILURES)
def test_a_failure_on_the_way_back_does_not_keep_an_effect(shop: Participants, failure: str) -> None:
    shop.switch("orders", "declined", path="/orders/A-7/confirm")
    shop.switch("payments", failure, path="/refunds", times=2)
    shop.switch("stock", failure, path="/reservations/release", times=2)
    saga = run_to_its_end(shop, order_id="A-7")
    assert saga.state == "compensated"
    assert done(shop, saga) == ["reserve", "release", "charge", "refund"]
    assert violations(shop, saga) == []
