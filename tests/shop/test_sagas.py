from collections.abc import Callable
from types import SimpleNamespace
from typing import Any
from uuid import uuid4

import pytest
from pydantic import ValidationError

from examples.shop import sagas, shipment, sign_up
from examples.shop.client import Participants
from examples.shop.ledgers import check
from sagas.engine.http import Service
from sagas.errors import Abort
from sagas.words.definition import Definition
from sagas.words.faults import faults_of

LINES = [{"sku": "book", "quantity": 2}, {"sku": "lamp", "quantity": 1}]
ORDER = {"order_id": "A-1", "user_id": "alice", "lines": LINES, "amount": 4990}
NEWCOMER = {"user_id": "grace", "name": "Grace", "email": "grace@shop.example"}
TABLES = {
    "order": "check_user check_stock large_order lines lock_stock charge payment_settled shipping notify confirm_order",
    "shipping": "book_parcel book_courier",
    "sign_up": "create_account mail_link email_confirmed activate_account welcome",
}


class Run:
    """One saga whose functions are called one by one, as the coordinator calls them."""

    def __init__(self, shop: Participants, table: Definition = sagas.order, **given: Any) -> None:
        assert table.input is not None
        self.id, self.shop, self.input = str(uuid4()), shop, table.input(**given)
        self.results: dict[str, Any] = {"large_order": None}

    def act(self, function: Callable[[Any], Any], item: int = 0) -> Any:
        self.results[function.__name__] = self.call(function, self.key(function, item), item=item)
        return self.results[function.__name__]

    def undo(self, compensation: Callable[[Any], Any], *, of: Callable[[Any], Any], item: int = 0) -> Any:
        return self.call(compensation, f"{self.key(of, item)}:undo", self.key(of, item), item=item)

    def ask(self, probe: Callable[[Any], Any], *, after: Callable[[Any], Any]) -> Any:
        return self.call(probe, f"{self.key(after)}:probe", asked=self.key(after))

    def key(self, function: Callable[[Any], Any], item: int = 0) -> str:
        return f"{self.id}:{function.__name__}:{item}:1"

    def call(
        self, function: Any, key: str, action_key: str | None = None, asked: str | None = None, item: int = 0
    ) -> Any:
        def service(name: str) -> Service:
            return Service(name=name, key=key, action_key=action_key, deadline=lambda: 30.0, **self.shop.services[name])

        lines = getattr(self.input, "lines", [])
        return function(
            SimpleNamespace(
                input=self.input,
                results=self.results,
                service=service,
                key=key,
                action=SimpleNamespace(key=action_key or asked or key),
                item=lines[item].model_dump() if lines else None,
                index=item,
                signal_url=lambda name: "",
            )
        )


@pytest.fixture
def run(shop: Participants) -> Run:
    return Run(shop, **ORDER)


@pytest.mark.parametrize("name", TABLES)
def test_the_tables_are_in_order(name: str) -> None:
    table = getattr(sagas, name)
    assert faults_of(table) == []
    assert " ".join(table.places).removeprefix("parallel_0 ") == TABLES[name]


def test_an_order_goes_forward_and_back_and_leaves_nothing(run: Run, shop: Participants) -> None:
    assert run.act(sagas.check_user)["email"] == "alice@shop.example"
    assert run.act(sagas.check_stock)["lamp"] > 0
    assert run.act(sagas.lock_stock)["quantity"] == 2
    assert run.act(sagas.lock_stock, item=1)["sku"] == "lamp"
    made = run.act(sagas.charge)
    assert run.ask(sagas.find_charge, after=sagas.charge) == made
    assert run.undo(sagas.refund, of=sagas.charge) == {"refunded": 4990}
    assert run.undo(sagas.release_stock, of=sagas.lock_stock, item=1) == {"released": 1}
    assert run.undo(sagas.release_stock, of=sagas.lock_stock) == {"released": 2}
    assert [found for found in check(shop.urls, undone=[run.id]) if run.id in found] == []


def test_a_shipment_goes_forward_and_back_and_leaves_nothing(run: Run, shop: Participants) -> None:
    parcel = Run(shop, sagas.shipping, **sagas.shipment_of(run))
    assert parcel.input.pieces == 3
    parcel.act(shipment.book_parcel)
    parcel.act(shipment.book_courier)
    parcel.undo(shipment.cancel_courier, of=shipment.book_courier)
    parcel.undo(shipment.cancel_parcel, of=shipment.book_parcel)
    assert [found for found in check(shop.urls, undone=[parcel.id]) if parcel.id in found] == []


def test_an_account_that_nobody_confirms_is_gone(shop: Participants) -> None:
    signed_up = Run(shop, sagas.sign_up, **NEWCOMER)
    assert "/confirm/" in signed_up.act(sign_up.create_account)["link"]
    assert signed_up.undo(sign_up.delete_account, of=sign_up.create_account) == {"deleted": 1}
    again = Run(shop, sagas.sign_up, **NEWCOMER)
    again.act(sign_up.create_account)
    again.undo(sign_up.delete_account, of=sign_up.create_account)
    undone = [signed_up.id, again.id]
    assert [found for found in check(shop.urls, undone=undone) if found.partition(":")[0] == "users"] == []


@pytest.mark.parametrize(("decision", "price"), [(None, 4990), ({"form": {"discount": 25}}, 3742)])
def test_the_price_is_what_sales_left_of_it(run: Run, decision: Any, price: int) -> None:
    run.results["large_order"] = decision
    assert sagas.price(run) == price


@pytest.mark.parametrize(("amount", "large"), [(sagas.LARGE - 1, False), (sagas.LARGE, True)])
def test_somebody_looks_at_a_large_order(shop: Participants, amount: int, large: bool) -> None:
    assert sagas.is_large(Run(shop, **ORDER | {"amount": amount})) is large


def test_a_settlement_that_was_declined_is_not_accepted(run: Run) -> None:
    sagas.must_be_settled(run, sagas.Settlement(charge_id=7, status="settled"))
    with pytest.raises(Abort, match="The bank declined charge 7"):
        sagas.must_be_settled(run, sagas.Settlement(charge_id=7, status="declined"))


def test_the_probe_says_that_no_charge_was_made(run: Run) -> None:
    with pytest.raises(Abort):
        run.ask(sagas.find_charge, after=sagas.charge)


def test_an_inactive_user_may_not_buy(shop: Participants) -> None:
    with pytest.raises(Abort, match="The user carol is not active"):
        Run(shop, **ORDER | {"user_id": "carol"}).act(sagas.check_user)


def test_what_is_not_on_hand_is_not_sold(shop: Participants) -> None:
    with pytest.raises(Abort, match="There are only 0 pieces of globe"):
        Run(shop, **ORDER | {"lines": [*LINES, {"sku": "globe", "quantity": 1}]}).act(sagas.check_stock)


@pytest.mark.parametrize(
    "change",
    [
        {"user_id": "../orders/A-1/confirm"},
        {"order_id": "A 1"},
        {"lines": []},
        {"lines": [{"sku": "", "quantity": 1}]},
        {"lines": [{"sku": "book", "quantity": 0}]},
        {"amount": -1},
        {"x": 1},
    ],
)
def test_an_order_that_could_lead_elsewhere_is_not_taken(change: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        sagas.OrderInput(**ORDER | change)
