from collections.abc import Callable
from types import SimpleNamespace
from typing import Any
from uuid import uuid4

import pytest
from pydantic import ValidationError

from examples.shop import sagas
from examples.shop.client import Participants
from examples.shop.ledgers import check
from sagas.errors import Abort
from sagas.faults import faults_of
from sagas.http import Service

ORDER = {"order_id": "A-1", "user_id": "alice", "sku": "book", "quantity": 2, "amount": 4990}


class Run:
    """One saga whose functions are called one by one, as the coordinator calls them."""

    def __init__(self, shop: Participants, **changes: Any) -> None:
        self.id, self.shop, self.results = str(uuid4()), shop, dict[str, Any]()
        self.input = sagas.OrderInput(**ORDER | changes)

    def act(self, function: Callable[[Any], Any]) -> Any:
        self.results[function.__name__] = self.call(function, self.key(function))
        return self.results[function.__name__]

    def undo(self, compensation: Callable[[Any], Any], *, of: Callable[[Any], Any]) -> Any:
        return self.call(compensation, f"{self.key(of)}:undo", self.key(of))

    def ask(self, probe: Callable[[Any], Any], *, after: Callable[[Any], Any]) -> Any:
        return self.call(probe, f"{self.key(after)}:probe", asked=self.key(after))

    def key(self, function: Callable[[Any], Any]) -> str:
        return f"{self.id}:{function.__name__}:0:1"

    def call(self, function: Any, key: str, action_key: str | None = None, asked: str | None = None) -> Any:
        def service(name: str) -> Service:
            return Service(name=name, key=key, action_key=action_key, deadline=lambda: 30.0, **self.shop.services[name])

        action = SimpleNamespace(key=action_key or asked or key)
        return function(
            SimpleNamespace(input=self.input, results=self.results, service=service, key=key, action=action)
        )


@pytest.fixture
def run(shop: Participants) -> Run:
    return Run(shop)


def test_the_order_saga_is_in_order() -> None:
    assert faults_of(sagas.order) == []
    assert list(sagas.order.places) == ["check_user", "check_stock", "lock_stock", "charge", "confirm_order", "notify"]


def test_an_order_goes_forward_and_back_and_leaves_nothing(run: Run, shop: Participants) -> None:
    assert run.act(sagas.check_user)["email"] == "alice@shop.example"
    assert run.act(sagas.check_stock)["sku"] == "book"
    run.act(sagas.lock_stock)
    made = run.act(sagas.charge)
    assert run.ask(sagas.find_charge, after=sagas.charge) == made
    run.act(sagas.confirm_order)
    assert run.undo(sagas.cancel_order, of=sagas.confirm_order)["state"] == "cancelled"
    assert run.undo(sagas.refund, of=sagas.charge) == {"refunded": 4990}
    assert run.undo(sagas.release_stock, of=sagas.lock_stock) == {"released": 2}
    assert [found for found in check(shop.urls, undone=[run.id]) if run.id in found] == []


def test_the_probe_says_that_no_charge_was_made(run: Run) -> None:
    with pytest.raises(Abort):
        run.ask(sagas.find_charge, after=sagas.charge)


def test_an_inactive_user_may_not_buy(shop: Participants) -> None:
    with pytest.raises(Abort, match="The user carol is not active"):
        Run(shop, user_id="carol").act(sagas.check_user)


def test_what_is_not_on_hand_is_not_sold(shop: Participants) -> None:
    with pytest.raises(Abort, match="There are only 0 pieces of globe"):
        Run(shop, sku="globe").act(sagas.check_stock)


@pytest.mark.parametrize(
    "change",
    [{"user_id": "../orders/A-1/confirm"}, {"order_id": "A 1"}, {"sku": ""}, {"quantity": 0}, {"amount": -1}, {"x": 1}],
)
def test_an_order_that_could_lead_elsewhere_is_not_taken(change: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        sagas.OrderInput(**ORDER | change)
