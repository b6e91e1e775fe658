"""Payments says later whether the bank has settled a charge, at the address that it was given."""

import json
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from examples.shop.client import Participants
from sagas.engine.http import Service
from tests.harness.waiting import wait_until
from tests.sagas.peer import Peer, answer, listening

Called = Callable[..., Service]
STORED = answer(202, {"stored": True})


@pytest.fixture
def coordinator() -> Iterator[Peer]:
    with listening() as peer:
        peer.script = STORED
        yield peer


def charge(service: Called, coordinator: Peer, **changes: Any) -> str:
    """Charge for an order of its own; the order."""
    order = str(uuid4())
    wanted = {
        "order_id": order,
        "user_id": "alice",
        "amount": 100,
        "callback": f"{coordinator.url}/{order}/",
        **changes,
    }
    service("payments").post("/charges", json=wanted)
    return order


def told(coordinator: Peer) -> list[str]:
    return [json.loads(request.body)["status"] for request in coordinator.requests]


def callback(shop: Participants, order: str) -> dict[str, Any]:
    """What payments wrote down of its call back."""
    (found,) = [one for one in shop.ledger("payments")["callbacks"] if one["body"]["order_id"] == order]
    return dict(found)


def is_settled(shop: Participants, order: str) -> Callable[[], bool]:
    return lambda: bool(callback(shop, order)["settled"])


@pytest.mark.parametrize(("user", "status"), [("alice", "settled"), ("frank", "declined")])
def test_the_bank_settles_or_declines_and_payments_says_so(
    shop: Participants, service: Called, coordinator: Peer, user: str, status: str
) -> None:
    order = charge(service, coordinator, user_id=user)
    wait_until(is_settled(shop, order), "payments calls back")
    (request,) = coordinator.requests
    assert request.line == f"POST /{order}/ HTTP/1.1"
    assert json.loads(request.body)["status"] == status
    assert callback(shop, order)["answers"] == [202]


def test_a_charge_that_is_asked_for_twice_is_settled_once(
    shop: Participants, service: Called, coordinator: Peer
) -> None:
    wanted = {"order_id": str(uuid4()), "user_id": "alice", "amount": 100, "callback": coordinator.url}
    for _ in range(2):
        service("payments").post("/charges", json=wanted)
    wait_until(is_settled(shop, wanted["order_id"]), "payments calls back")
    assert told(coordinator) == ["settled"]


def test_nobody_is_called_back_who_gave_no_address(shop: Participants, service: Called, coordinator: Peer) -> None:
    order = charge(service, coordinator, callback="")
    assert [one for one in shop.ledger("payments")["callbacks"] if one["body"]["order_id"] == order] == []


@pytest.mark.parametrize("status", [500, 503, 429])
def test_a_coordinator_that_is_down_is_called_again(
    shop: Participants, service: Called, coordinator: Peer, status: int
) -> None:
    answers = iter([answer(status), answer(status), STORED])
    coordinator.script = lambda connection, request: next(answers)(connection, request)
    order = charge(service, coordinator)
    wait_until(is_settled(shop, order), "payments calls back")
    assert callback(shop, order)["answers"] == [status, status, 202]
    assert len(set(told(coordinator))) == 1


@pytest.mark.parametrize("status", [404, 409, 422])
def test_a_refusal_is_taken_for_an_answer(shop: Participants, service: Called, coordinator: Peer, status: int) -> None:
    coordinator.script = answer(status)
    order = charge(service, coordinator)
    wait_until(is_settled(shop, order), "payments calls back")
    assert callback(shop, order)["answers"] == [status]


def test_it_is_said_twice_on_request(shop: Participants, service: Called, coordinator: Peer) -> None:
    shop.switch("payments", "call_twice")
    order = charge(service, coordinator)
    wait_until(is_settled(shop, order), "payments calls back")
    assert callback(shop, order)["answers"] == [202, 202]


def test_it_is_lost_on_request(shop: Participants, service: Called, coordinator: Peer) -> None:
    shop.switch("payments", "call_lost")
    order = charge(service, coordinator)
    wait_until(is_settled(shop, order), "payments forgets it")
    assert callback(shop, order)["answers"] == coordinator.requests == []


def test_it_is_said_later_on_request_and_others_do_not_wait_for_it(
    shop: Participants, service: Called, key: str, coordinator: Peer
) -> None:
    late, soon = str(uuid4()), str(uuid4())
    shop.switch("payments", "call_late", order=late, milliseconds=60_000)
    for number, order in enumerate((late, soon)):
        wanted = {"order_id": order, "user_id": "alice", "amount": 100, "callback": coordinator.url}
        service("payments", key=f"{key}:{number}").post("/charges", json=wanted)
    wait_until(is_settled(shop, soon), "payments calls back")
    wait_until(lambda: shop.switches("payments")["switches"] == [], "the other is put off")
    assert not is_settled(shop, late)()
    assert len(coordinator.requests) == 1


def test_what_a_killed_service_had_not_said_yet_it_says_when_it_is_back(tmp_path: Path, coordinator: Peer) -> None:
    down = threading.Event()

    def script(*request: Any) -> bool:
        return STORED(*request) if down.is_set() else answer(503)(*request)

    coordinator.script = script
    with Participants(tmp_path, names=["payments"]) as shop:
        payments = Service(name="payments", key="s:charge:0:1", deadline=lambda: 30.0, **shop.services["payments"])
        order = charge(lambda _: payments, coordinator)
        wait_until(lambda: coordinator.requests, "payments calls back")
        shop.kill("payments")
        down.set()
        shop.start("payments")
        wait_until(is_settled(shop, order), "payments calls back again")
        assert callback(shop, order)["answers"][-1] == 202
