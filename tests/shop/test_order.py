"""The order saga as its team tells it: no service, no clock, no process."""

from typing import Any

import pytest

from examples.shop.clocks import APPROVED_WITHIN, ORDERED_WITHIN, SETTLED_WITHIN
from examples.shop.sagas import LARGE, order
from sagas import Abort, RetryLater
from sagas.testing import Story, crashes, fails, given, service, times_out
from sagas.testing.participants import Participant

pytestmark = pytest.mark.django_db

LINES = [{"sku": "book", "quantity": 2}, {"sku": "lamp", "quantity": 1}, {"sku": "globe", "quantity": 4}]
ORDER = {"order_id": "A-1", "user_id": "alice", "lines": LINES, "amount": 4990}
SETTLED = {"charge_id": 7, "status": "settled"}


def services() -> tuple[Participant, ...]:
    """Everybody says yes."""
    return (
        service("users").answers("GET", "/users/alice", 200, {"active": True, "email": "alice@shop.example"}),
        service("stock")
        .answers("GET", "/stock/{sku}", 200, {"on_hand": 10})
        .answers("POST", "/reservations", 201, {"reservation_id": 1})
        .answers("POST", "/reservations/release", 200, {"released": 1}),
        service("payments")
        .answers("POST", "/charges", 201, {"charge_id": 7})
        .answers("GET", "/charges/by-key/{key}", 200, {"charge_id": 7})
        .answers("POST", "/refunds", 200, {"refunded": 4990}),
        service("shipping")
        .answers("POST", "/parcels", 201, {"booking_id": 1})
        .answers("POST", "/parcels/cancel", 200, {"booking_id": 1})
        .answers("POST", "/couriers", 201, {"booking_id": 2})
        .answers("POST", "/couriers/cancel", 200, {"booking_id": 2}),
        service("orders").answers("POST", "/orders/A-1/confirm", 200, {"state": "confirmed"}),
        service("notifications")
        .answers("POST", "/api/v1/notifications/", 202, {"id": "1"})
        .answers("POST", "/api/v1/notifications/by-key/{key}/cancel/", 200, {"arrived": "yes", "correction": {}}),
    )


def placed(*cues: Any, **changes: Any) -> Story:
    """An order is placed, and everybody says yes but for what the cues say."""
    return given(order, *services(), *cues, input=ORDER | changes)


def asked(run: Story, of: str) -> list[str]:
    return [f"{request.method} {request.path}" for request in run.requests if request.service == of]


def test_an_order_is_confirmed_when_its_money_has_come() -> None:
    run = placed()
    run.runs("check_user", "check_stock", "lock_stock", "charge")
    run.waits_for("payment_settled")
    run.receives("payment_settled", SETTLED)
    run.runs("shipping", "notify", "confirm_order")
    run.leaves_out("large_order")
    run.ends("completed")
    run.needs_nobody()


def test_payments_is_given_an_address_to_call_back_the_same_on_every_attempt() -> None:
    run = placed(times_out("charge", "before"), fails("find_charge", Abort("It was not made."), times=1))
    run.receives("payment_settled", SETTLED)
    charges = [request for request in run.requests if request.path == "/charges"]
    assert "/api/v1/callbacks/" in charges[0].json["callback"]
    assert len({(request.key, request.json["callback"]) for request in charges}) == 1


def test_a_settlement_that_comes_before_anybody_waits_for_it_counts() -> None:
    run = placed()
    run.receives("payment_settled", SETTLED, early=True)
    run.ends("completed")


def test_a_declined_settlement_takes_the_money_and_the_stock_back() -> None:
    run = placed()
    run.receives("payment_settled", SETTLED | {"status": "declined"})
    run.compensates("charge", "lock_stock")
    run.ends("compensated")
    assert asked(run, "shipping") == []


def test_money_that_never_comes_is_not_waited_for_for_ever() -> None:
    run = placed()
    run.waits_for("payment_settled")
    run.later(SETTLED_WITHIN)
    run.compensates("charge", "lock_stock")
    run.ends("compensated")


def test_every_line_that_was_set_aside_is_put_back_and_no_other() -> None:
    run = placed(fails("lock_stock", Abort("Sold a moment ago."), item=1))
    run.ends("compensated")
    put_back = [request.json["sku"] for request in run.requests if request.path == "/reservations/release"]
    set_aside = [request.json["sku"] for request in run.requests if request.path == "/reservations"]
    assert sorted(put_back) == sorted(set_aside)
    assert "lamp" not in put_back


def test_a_large_order_is_not_touched_before_sales_have_said_yes() -> None:
    run = placed(amount=LARGE)
    run.runs("check_user", "check_stock")
    run.waits_for("large_order")
    run.decides("large_order", True, form={"discount": 20})
    run.receives("payment_settled", SETTLED)
    run.ends("completed")
    assert [request.json["amount"] for request in run.requests if request.path == "/charges"] == [LARGE * 8 // 10]


@pytest.mark.parametrize("answered", [True, False])
def test_a_large_order_that_sales_refuse_or_forget_leaves_nothing(answered: bool) -> None:
    run = placed(amount=LARGE)
    if answered:
        run.decides("large_order", False, reason="Not to them.")
    else:
        run.later(APPROVED_WITHIN)
    run.compensates()
    run.ends("compensated")
    assert asked(run, "payments") == []


def test_a_shipment_without_a_courier_undoes_itself_and_then_the_order() -> None:
    run = placed(fails("book_courier", Abort("No courier goes there.")))
    run.receives("payment_settled", SETTLED)
    run.child("shipping").compensates("book_parcel")
    run.compensates("charge", "lock_stock")
    run.ends("compensated")


def test_a_shipment_is_called_off_when_the_order_is_not_confirmed() -> None:
    run = placed(fails("confirm_order", Abort("The shop is closed.")))
    run.receives("payment_settled", SETTLED)
    run.child("shipping").ends("compensated")
    run.child("shipping").compensates("book_courier", "book_parcel")
    run.compensates("notify", "shipping", "charge", "lock_stock")
    run.ends("compensated")


def test_a_message_is_called_off_by_the_key_that_it_was_sent_under() -> None:
    run = placed(fails("confirm_order", Abort("The shop is closed.")))
    run.receives("payment_settled", SETTLED)
    run.ends("compensated")
    sent, called_off = (request for request in run.requests if request.service == "notifications")
    assert called_off.path == f"/api/v1/notifications/by-key/{sent.key}/cancel/"
    assert "you get back" in called_off.json["correction"]["content"]["text"]


def test_an_order_that_may_be_confirmed_is_asked_for_until_it_is_known() -> None:
    run = placed(crashes("confirm_order", "after"), times_out("confirm_order"))
    run.receives("payment_settled", SETTLED)
    run.ends("completed")
    run.needs_nobody()
    assert len({request.key for request in run.requests if request.service == "orders"}) == 1


def test_an_order_is_not_taken_back_because_nobody_could_be_told() -> None:
    run = placed(fails("notify", RetryLater("The mail server is down.")))
    run.receives("payment_settled", SETTLED)
    run.leaves_out("notify")
    run.ends("completed")


def test_the_deadline_takes_an_order_back_that_waits() -> None:
    run = placed()
    run.reschedules("payment_settled", by=2 * ORDERED_WITHIN)
    run.later(ORDERED_WITHIN)
    run.compensates("charge", "lock_stock")
    run.ends("compensated")
    assert run.saga.cause == "deadline"
