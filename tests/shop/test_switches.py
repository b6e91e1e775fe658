from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest

from examples.shop.client import Participants
from sagas.engine.http import Service
from sagas.errors import Abort, RetryLater, SagaError, Unknown

Called = Callable[..., Service]

CHARGE = {"order_id": "A-1", "user_id": "alice", "amount": 100}


@pytest.fixture
def pool() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(4) as pool:
        yield pool


def charged(shop: Participants, key: str) -> int:
    return sum(entry["key"] == key for entry in shop.ledger("payments")["entries"])


def charge(service: Called, **options: Any) -> Any:
    return service("payments", **options).post("/charges", json=CHARGE).json


@pytest.mark.parametrize(
    ("switch", "kind", "code", "happened"),
    [
        ({"what": "error"}, Unknown, "http_500", 0),
        ({"what": "error_after"}, Unknown, "http_500", 1),
        ({"what": "unavailable"}, RetryLater, "http_503", 0),
        ({"what": "declined"}, Abort, "http_422", 0),
        ({"what": "declined", "status": 409}, RetryLater, "http_409", 0),
        ({"what": "time_out", "milliseconds": 1500}, Unknown, "read_timeout", 1),
        ({"what": "slow", "milliseconds": 1500}, Unknown, "read_timeout", None),
        ({"what": "cut"}, Unknown, "connection_lost", 1),
        ({"what": "truncated"}, Unknown, "connection_lost", 1),
        ({"what": "garbage"}, Unknown, "answer_garbled", 1),
    ],
)
def test_a_switch_makes_one_call_fail_and_the_next_one_succeed(
    shop: Participants,
    service: Called,
    key: str,
    switch: dict[str, Any],
    kind: type[SagaError],
    code: str,
    happened: int | None,
) -> None:
    shop.switch("payments", path="/charges", **switch)
    with pytest.raises(kind) as caught:
        charge(service, seconds=1)
    assert caught.value.code == code
    if happened is not None:
        assert charged(shop, key) == happened
    assert charge(service)["amount"] == 100
    assert charged(shop, key) == 1


def test_unavailable_says_when_to_come_again(shop: Participants, service: Called) -> None:
    shop.switch("payments", "unavailable", retry_after=7)
    with pytest.raises(RetryLater) as caught:
        charge(service)
    assert caught.value.after == timedelta(seconds=7)


def test_a_call_held_before_its_effect_happens_when_it_is_released(
    shop: Participants, service: Called, key: str, pool: ThreadPoolExecutor
) -> None:
    shop.switch("payments", "hold", path="/charges")
    call = pool.submit(charge, service)
    shop.wait_until_held("payments")
    assert charged(shop, key) == 0
    assert shop.switches("payments")["held_calls"] == [
        {"method": "POST", "path": "/charges", "key": key, "when": "before"}
    ]
    assert shop.release("payments") == 1
    assert call.result()["amount"] == 100
    assert shop.held("payments") == 0


def test_a_call_held_after_its_effect_has_happened_already(
    shop: Participants, service: Called, key: str, pool: ThreadPoolExecutor
) -> None:
    shop.switch("payments", "hold_after", path="/charges")
    call = pool.submit(charge, service)
    shop.wait_until_held("payments")
    assert charged(shop, key) == 1
    shop.clear("payments")
    assert call.result()["amount"] == 100


def test_a_held_charge_whose_refund_overtakes_it_is_refused_when_it_is_released(
    shop: Participants, service: Called, key: str, pool: ThreadPoolExecutor
) -> None:
    shop.switch("payments", "hold", path="/charges")
    call = pool.submit(charge, service)
    shop.wait_until_held("payments")
    assert service("payments", undoing=True).post("/refunds").json == {"refunded": 0}
    shop.release("payments")
    assert isinstance(call.exception(), Abort)
    assert charged(shop, key) == 0


def test_a_switch_strikes_where_it_is_told_to_and_so_often(shop: Participants, service: Called) -> None:
    shop.switch("payments", "declined", order="A-2", times=2)
    shop.switch("orders", "declined", order="A-2", method="POST")
    charge(service)
    for _ in range(2):
        with pytest.raises(Abort):
            service("payments").post("/charges", json=CHARGE | {"order_id": "A-2"})
    service("orders").post("/orders/A-1/confirm")
    with pytest.raises(Abort):
        service("orders").post("/orders/A-2/confirm")
    assert shop.switches("payments")["switches"] == shop.switches("orders")["switches"] == []


def test_a_switch_without_a_number_strikes_until_it_is_cleared(shop: Participants, service: Called) -> None:
    shop.switch("payments", "unavailable", times=None)
    for _ in range(3):
        with pytest.raises(RetryLater):
            charge(service)
    shop.clear()
    charge(service)


def test_a_call_that_was_struck_is_in_the_ledger(shop: Participants, service: Called, key: str) -> None:
    shop.switch("payments", "cut")
    with pytest.raises(Unknown):
        charge(service)
    charge(service)
    calls = [(call["switch"], call["status"]) for call in shop.ledger("payments")["calls"] if call["key"] == key]
    assert calls == [("cut", 201), ("", 201)]


def test_an_unknown_switch_is_refused(shop: Participants) -> None:
    with pytest.raises(
        RuntimeError, match=r"payments refused POST /switches with 422: .*what: Input should be 'slow', "
    ):
        shop.switch("payments", "explode")
    with pytest.raises(RuntimeError, match="where"):
        shop.switch("payments", "cut", where="/charges")
