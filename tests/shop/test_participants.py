import json
import socket
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx
import pytest

from examples.shop.client import Participants
from sagas.engine.http import Service
from sagas.errors import Abort, Denied, NothingThere, RetryLater
from tests.harness.waiting import wait_until
from tests.sagas.peer import answer, listening

Called = Callable[..., Service]

CHARGE = {"order_id": "A-1", "user_id": "bob", "amount": 100}
BOOKS = {"order_id": "A-1", "sku": "book", "quantity": 3}


def effects(shop: Participants, name: str, key: str) -> list[str]:
    """What that service did for the action with this key, in order."""
    return [entry["what"] for entry in shop.ledger(name)["entries"] if entry["action_key"] == key]


def balance(shop: Participants) -> int:
    return int(shop.ledger("payments")["books"]["bob"]["now"])


def test_users_tells_who_may_buy(service: Called) -> None:
    assert service("users").get("/users/alice").json["active"] is True
    assert service("users").get("/users/carol").json["active"] is False


def test_what_is_not_there_is_said_in_the_services_own_words(service: Called) -> None:
    with pytest.raises(Abort, match=r'404: There is no user "nobody"\.'):
        service("users").get("/users/nobody")
    with pytest.raises(Abort, match=r'404: There is no item "unicorn"\.'):
        service("stock").get("/stock/unicorn")
    with pytest.raises(NothingThere):
        service("users", undoing=True).get("/users/nobody")


def test_a_wrong_address_is_not_taken_for_an_answer(service: Called) -> None:
    with pytest.raises(Denied) as caught:
        service("users", undoing=True).get("/customers/alice")
    assert caught.value.code == "http_404"


@pytest.mark.parametrize("token", ["", "wrong", "shop-tok"])
def test_nobody_is_let_in_without_the_token(service: Called, token: str) -> None:
    with pytest.raises(Denied) as caught:
        service("payments", token=token).post("/charges", json=CHARGE)
    assert caught.value.code == "http_401"


def test_an_effect_needs_a_key(service: Called) -> None:
    with pytest.raises(Abort, match="400: Send the header Idempotency-Key"):
        service("payments", key="").post("/charges", json=CHARGE)
    with pytest.raises(Abort, match="400: Send the header Saga-Action-Key"):
        service("payments").post("/refunds")


def test_a_request_that_makes_no_sense_is_refused(service: Called) -> None:
    with pytest.raises(Abort, match="422: amount: Input should be greater than 0"):
        service("payments").post("/charges", json=CHARGE | {"amount": -1})


def test_a_charge_takes_the_money_once_and_every_repetition_gets_its_answer(
    shop: Participants, service: Called, key: str
) -> None:
    before = balance(shop)
    with ThreadPoolExecutor(20) as pool:
        answers = list(pool.map(lambda _: service("payments").post("/charges", json=CHARGE).json, range(20)))
    assert answers == [answers[0]] * 20
    assert effects(shop, "payments", key) == ["charge"]
    assert balance(shop) == before - 100
    assert [call["status"] for call in shop.ledger("payments")["calls"] if call["key"] == key] == [201] * 20


@pytest.mark.parametrize(
    ("charge", "sentence"),
    [
        (CHARGE | {"user_id": "erin"}, 'The card of "erin" was declined'),
        (CHARGE | {"user_id": "dave", "amount": 501}, 'The balance of "dave" is too low'),
        (CHARGE | {"user_id": "nobody"}, "has no account"),
    ],
)
def test_a_charge_can_be_declined_and_leaves_nothing_behind(
    shop: Participants, service: Called, key: str, charge: dict[str, Any], sentence: str
) -> None:
    with pytest.raises(Abort, match=sentence):
        service("payments").post("/charges", json=charge)
    assert effects(shop, "payments", key) == []
    assert service("payments", undoing=True).post("/refunds").json == {"refunded": 0}


def test_a_refund_gives_the_money_back_once(shop: Participants, service: Called, key: str) -> None:
    before = balance(shop)
    service("payments").post("/charges", json=CHARGE)
    refund = service("payments", undoing=True)
    assert refund.post("/refunds").json == refund.post("/refunds").json == {"refunded": 100}
    assert service("payments", undoing=True).post("/refunds").json == {"refunded": 100}
    assert effects(shop, "payments", key) == ["charge", "refund"]
    assert balance(shop) == before


def test_a_charge_that_comes_after_its_refund_is_refused(shop: Participants, service: Called, key: str) -> None:
    assert service("payments", undoing=True).post("/refunds").json == {"refunded": 0}
    with pytest.raises(Abort, match=r"410: .* came after its compensation"):
        service("payments").post("/charges", json=CHARGE)
    assert effects(shop, "payments", key) == []


def test_a_charge_can_be_found_by_its_key(service: Called, key: str) -> None:
    with pytest.raises(Abort, match="404: No charge was made under this key so far"):
        service("payments").get(f"/charges/by-key/{key}")
    made = service("payments").post("/charges", json=CHARGE).json
    assert service("payments").get(f"/charges/by-key/{key}").json == made


def test_stock_is_set_aside_and_put_back(shop: Participants, service: Called, key: str) -> None:
    before = service("stock").get("/stock/book").json["on_hand"]
    assert service("stock").post("/reservations", json=BOOKS).json["quantity"] == 3
    assert service("stock").get("/stock/book").json["on_hand"] == before - 3
    assert service("stock", undoing=True).post("/reservations/release").json == {"released": 3}
    assert service("stock").get("/stock/book").json["on_hand"] == before
    assert effects(shop, "stock", key) == ["reserve", "release"]


def test_what_is_not_in_stock_cannot_be_set_aside(service: Called) -> None:
    with pytest.raises(Abort, match='422: There are 1 pieces of "piano", not 2'):
        service("stock").post("/reservations", json=BOOKS | {"sku": "piano", "quantity": 2})


def test_an_order_is_confirmed_once(shop: Participants, service: Called, key: str) -> None:
    confirmed = service("orders").post("/orders/A-1/confirm").json
    assert confirmed == service("orders").post("/orders/A-1/confirm").json == {"order_id": "A-1", "state": "confirmed"}
    assert effects(shop, "orders", key) == ["confirm"]


@pytest.mark.parametrize(("what", "wanted"), [("parcel", {"pieces": 3}), ("courier", {})])
def test_a_shipment_is_booked_and_called_off(
    shop: Participants, service: Called, key: str, what: str, wanted: dict[str, Any]
) -> None:
    before = shop.ledger("shipping")["books"][what]["now"]
    booked = service("shipping").post(f"/{what}s", json={"order_id": "A-1", **wanted}).json
    assert booked["order_id"] == "A-1"
    assert shop.ledger("shipping")["books"][what]["now"] == before - 1
    assert service("shipping", undoing=True).post(f"/{what}s/cancel").json == booked
    assert effects(shop, "shipping", key) == [f"book {what}", "cancel"]
    assert shop.ledger("shipping")["books"][what]["now"] == before


def test_a_parcel_has_a_size(service: Called) -> None:
    with pytest.raises(Abort, match="422: A parcel holds 500 pieces, not 501"):
        service("shipping").post("/parcels", json={"order_id": "A-1", "pieces": 501})


def test_an_account_may_buy_once_it_is_activated(shop: Participants, service: Called, key: str) -> None:
    sign_up(service, "henry")
    assert service("users").get("/users/henry").json["active"] is False
    service("users", key=f"{key}:2").post("/accounts/henry/activate")
    assert service("users").get("/users/henry").json["active"] is True
    assert service("users", undoing=True).post("/accounts/delete").json == {"deleted": 1}
    assert effects(shop, "users", key) == ["create", "delete"]
    with pytest.raises(Abort, match='404: There is no user "henry"'):
        service("users", key=f"{key}:3").post("/accounts/henry/activate")


def test_an_account_is_there_once(service: Called) -> None:
    with pytest.raises(Abort, match='422: There is a user "alice" already'):
        sign_up(service, "alice")


def test_who_presses_the_button_behind_the_link_confirms_the_account_once(service: Called) -> None:
    with listening() as coordinator:
        coordinator.script = answer(202, {"stored": True})
        link = sign_up(service, "iris", callback=f"{coordinator.url}/callback")["link"]
        assert "Yes, this is my address" in httpx.get(link).text
        assert coordinator.requests == []
        assert "Thank you" in httpx.post(link).text
        assert "Thank you" in httpx.post(link).text
        wait_until(lambda: coordinator.requests, "the coordinator is told")
    assert [json.loads(request.body) for request in coordinator.requests] == [{"user_id": "iris"}]


def test_a_link_that_was_not_mailed_leads_nowhere(service: Called) -> None:
    assert httpx.get(f"{service('users').url}/confirm/nothing").status_code == 404


def sign_up(service: Called, name: str, callback: str = "") -> Any:
    wanted = {"user_id": name, "name": name.title(), "email": f"{name}@shop.example", "callback": callback}
    return service("users").post("/accounts", json=wanted).json


def test_a_killed_service_comes_back_at_its_address_with_its_ledger(tmp_path: Path) -> None:
    with Participants(tmp_path, names=["payments"]) as shop:
        payments = Service(name="payments", key="s:charge:0:1", deadline=lambda: 30.0, **shop.services["payments"])
        payments.post("/charges", json=CHARGE)
        shop.kill("payments")
        with pytest.raises(RetryLater) as caught:
            payments.post("/charges", json=CHARGE)
        shop.start("payments")
        payments.post("/charges", json=CHARGE)
        assert caught.value.code == "connect_refused"
        assert effects(shop, "payments", "s:charge:0:1") == ["charge"]


def test_a_service_that_cannot_start_says_where_the_reason_stands(tmp_path: Path) -> None:
    (tmp_path / "payments.sqlite3").mkdir()
    with (
        pytest.raises(RuntimeError, match=r"payments did not start; .*payments\.log says why"),
        Participants(tmp_path, names=["payments"]),
    ):
        pass


def test_services_end_with_the_process_that_started_them_even_when_it_is_killed(tmp_path: Path) -> None:
    program = (
        "import sys; from pathlib import Path; from examples.shop.client import Participants\n"
        "shop = Participants(Path(sys.argv[1]), names=['users']).__enter__()\n"
        "print(shop.ports['users'], flush=True); sys.stdin.read()"
    )
    command = [sys.executable, "-c", program, str(tmp_path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout
        port = int(parent.stdout.readline())
        with socket.create_connection(("127.0.0.1", port)) as connection:
            parent.kill()
            connection.settimeout(30)
            with suppress(ConnectionResetError):  # it may end before it has taken the connection
                assert connection.recv(1) == b""
