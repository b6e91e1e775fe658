"""The order saga through the coordinator's engine, with the real services behind it, and its own door before it."""

import json
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.test import override_settings
from django.utils import timezone

from examples.shop.client import Participants
from examples.shop.ledgers import check
from sagas import operations
from sagas.engine.delivery import deliver
from sagas.models import Run, Saga, Work
from tests.harness.waiting import wait_until
from tests.sagas.peer import Peer, answer, listening

pytestmark = pytest.mark.django_db(transaction=True)

LINES = [{"sku": "book", "quantity": 2}, {"sku": "lamp", "quantity": 1}]
ORDER = {"user_id": "alice", "lines": LINES, "amount": 4990}
DONE = ["reserve", "reserve", "charge", "book parcel", "book courier", "confirm"]

Places = Callable[..., Saga]


@pytest.fixture
def mailer() -> Iterator[Peer]:
    with listening() as peer:
        peer.script = answer(202, {"id": "1", "status": "accepted"})
        yield peer


@pytest.fixture
def place(shop: Participants, mailer: Peer, live_server: Any) -> Iterator[Places]:
    """Place an order, and deliver what is due, without waiting for the pauses, until it ends or needs a person."""

    def place(**changes: Any) -> Saga:
        saga = operations.start("order", {"order_id": str(uuid4()), **ORDER, **changes}, actor="test").saga
        wait_until(lambda: go_on(saga), "the saga ends, or needs a person")
        return saga

    services = {**shop.services, "notifications": {"url": mailer.url, "token": "mailer-token"}}
    with override_settings(SAGAS={"SERVICES": services, "PUBLIC_URL": live_server.url}):
        yield place


def go_on(saga: Saga) -> bool:
    """Deliver what is due, in the saga and in its children; has it come to rest?"""
    while True:
        Run.objects.filter(work=Work.DUE).update(at=timezone.now() - timedelta(seconds=1))
        due = Run.objects.filter(work=Work.DUE).first()
        if due is None:
            break
        deliver(due.pk, due.fence, uuid4())
    saga.refresh_from_db()
    approvals = saga.runs.filter(kind=Run.Kind.APPROVAL, work=Work.WAITING)
    return bool(saga.ended_at or saga.open_incidents or approvals)


def family(saga: Saga) -> list[str]:
    """The saga and its child, by the names under which participants know them."""
    return [str(saga.id), *map(str, Saga.objects.filter(parent__saga=saga).values_list("id", flat=True))]


def violations(shop: Participants, saga: Saga) -> list[str]:
    """What the participants' ledgers say against the saga and its child."""
    found = check(shop.urls, **{"completed" if saga.state == "completed" else "undone": family(saga)})
    return [sentence for sentence in found if any(one in sentence for one in family(saga))]


def done(shop: Participants, saga: Saga) -> list[str]:
    """What was done for the saga and its child, service by service."""
    entries = [entry for ledger in shop.ledgers() for entry in ledger["entries"]]
    return [entry["what"] for entry in entries if any(one in entry["key"] for one in family(saga))]


def test_an_order_completes_when_the_bank_has_settled(shop: Participants, place: Places) -> None:
    saga = place()
    assert saga.state == "completed"
    assert saga.committed_at is not None
    assert done(shop, saga) == DONE
    assert violations(shop, saga) == []


def test_the_customer_is_told_once_the_order_is_confirmed(place: Places, mailer: Peer) -> None:
    saga = place()
    (request,) = mailer.requests
    assert request.line == "POST /api/v1/notifications/ HTTP/1.1"
    assert request.headers["idempotency-key"].startswith(f"{saga.id}:notify:")
    assert json.loads(request.body)["receiver"] == {"email": "alice@shop.example"}


def test_a_settlement_that_is_declined_takes_everything_back(shop: Participants, place: Places) -> None:
    saga = place(user_id="frank")
    assert saga.state == "compensated"
    assert saga.failure["code"] == "settlement_declined"
    assert sorted(done(shop, saga)) == ["charge", "refund", "release", "release", "reserve", "reserve"]
    assert violations(shop, saga) == []


def test_a_settlement_that_comes_before_the_answer_to_the_charge_is_kept(shop: Participants, place: Places) -> None:
    shop.switch("payments", "time_out", path="/charges", milliseconds=1500)
    saga = place()
    moves = [move.get("did") for entry in saga.journal.all() for move in entry.moves]
    assert saga.state == "completed"
    assert moves.index("stored") < moves.index("to ask")
    assert saga.runs.get(path="charge").error == ""  # it was asked after, and found
    assert violations(shop, saga) == []


@pytest.mark.parametrize("switch", ["call_twice", "call_late"])
def test_a_settlement_that_comes_twice_or_late_is_taken_once(shop: Participants, place: Places, switch: str) -> None:
    shop.switch("payments", switch, milliseconds=500)
    saga = place()
    assert saga.state == "completed"
    assert [signal.flag for signal in saga.signals.all()] == [""]
    assert violations(shop, saga) == []


def test_a_large_order_waits_for_sales_and_costs_what_sales_say(shop: Participants, place: Places) -> None:
    before = shop.ledger("payments")["books"]["alice"]["now"]
    saga = place(amount=200_000)
    assert done(shop, saga) == []
    operations.decide(
        saga.pk, step="large_order", approved=True, form={"discount": 10}, actor="bea", reason="A good customer."
    )
    wait_until(lambda: go_on(saga), "the saga ends")
    assert saga.state == "completed"
    assert shop.ledger("payments")["books"]["alice"]["now"] == before - 180_000


def test_a_large_order_that_sales_do_not_want_leaves_nothing(shop: Participants, place: Places) -> None:
    saga = place(amount=200_000)
    operations.decide(saga.pk, step="large_order", approved=False, actor="bea", reason="Not to them.")
    assert go_on(saga)
    assert saga.state == "compensated"
    assert done(shop, saga) == []


FAILURES = ["error_after", "unavailable", "cut"]
"""One of each kind; which switch makes which kind is in `test_switches`."""
BEFORE_THE_PIVOT = [
    ("stock", "/reservations"),
    ("shipping", "/parcels"),
    ("shipping", "/couriers"),
]
PLACES = [*BEFORE_THE_PIVOT, ("payments", "/charges"), ("orders", "/orders/")]


@pytest.mark.parametrize("failure", FAILURES)
@pytest.mark.parametrize(("service", "path"), PLACES)
def test_one_failure_anywhere_does_not_stop_an_order(
    shop: Participants, place: Places, service: str, path: str, failure: str
) -> None:
    shop.switch(service, failure, path=path, method="POST")
    saga = place()
    assert saga.state == "completed"
    assert done(shop, saga) == DONE
    assert violations(shop, saga) == []


@pytest.mark.parametrize("failure", ["declined", *FAILURES])
@pytest.mark.parametrize(("service", "path"), BEFORE_THE_PIVOT)
def test_a_failure_that_lasts_turns_the_order_back_and_leaves_nothing_behind(
    shop: Participants, place: Places, service: str, path: str, failure: str
) -> None:
    shop.switch(service, failure, path=path, method="POST", times=10)
    saga = place()
    assert saga.state == "compensated"
    assert violations(shop, saga) == []


@pytest.mark.parametrize("sku", ["book", "lamp"])
def test_a_line_that_cannot_be_had_sets_the_others_free(shop: Participants, place: Places, sku: str) -> None:
    shop.switch("stock", "declined", path="/reservations", method="POST", body=f'"{sku}"')
    saga = place()
    assert saga.state == "compensated"
    assert saga.failure["item"] == ["book", "lamp"].index(sku)
    assert violations(shop, saga) == []


@pytest.mark.parametrize("failure", ["declined", "unavailable"])
def test_an_order_that_is_never_confirmed_takes_its_shipment_back(
    shop: Participants, place: Places, failure: str
) -> None:
    shop.switch("orders", failure, path="/orders/", times=5)
    saga = place()
    assert saga.state == "compensated"
    assert [child.state for child in Saga.objects.filter(parent__saga=saga)] == ["compensated"]
    assert [what for what in done(shop, saga) if what == "cancel"] == ["cancel"] * 2
    assert violations(shop, saga) == []


@pytest.mark.parametrize("failure", ["error", "error_after", "cut"])
def test_an_order_that_may_be_confirmed_is_never_taken_back(shop: Participants, place: Places, failure: str) -> None:
    shop.switch("orders", failure, path="/orders/", times=5)
    saga = place()
    assert [incident.path for incident in saga.incidents.open()] == ["confirm_order"]
    operations.retry(saga.pk, actor="bea", reason="Orders is back.")
    wait_until(lambda: go_on(saga), "the saga ends")
    assert saga.state == "completed"
    assert done(shop, saga) == DONE
    assert violations(shop, saga) == []


@pytest.mark.parametrize(
    ("failure", "state"),
    [("declined", "compensated"), ("error", "compensated"), ("unavailable", "compensated"), ("cut", "completed")],
)
def test_whether_a_lost_charge_was_made_is_asked_and_decides(
    shop: Participants, place: Places, failure: str, state: str
) -> None:
    shop.switch("payments", failure, path="/charges", method="POST", times=5)
    saga = place()
    assert saga.state == state
    assert violations(shop, saga) == []


@pytest.mark.parametrize("failure", FAILURES)
def test_a_failure_on_the_way_back_does_not_keep_an_effect(shop: Participants, place: Places, failure: str) -> None:
    shop.switch("orders", "declined", path="/orders/")
    for service, path in (
        ("shipping", "/parcels/cancel"),
        ("shipping", "/couriers/cancel"),
        ("payments", "/refunds"),
        ("stock", "/reservations/release"),
    ):
        shop.switch(service, failure, path=path, times=2)
    saga = place()
    assert saga.state == "compensated"
    assert violations(shop, saga) == []
