from pathlib import Path
from typing import Any

import pytest

from examples.shop.client import Participants
from examples.shop.ledgers import check, violations
from sagas.engine.http import Service
from sagas.errors import Abort

KEY = "s1:charge:0:1"


def entry(key: str, *, undoes: str = "", quantity: int = 100, of: str = "bob") -> dict[str, Any]:
    kind, what = ("compensation", "refund") if undoes else ("action", "charge")
    return {"kind": kind, "what": what, "of": of, "quantity": quantity, "key": key, "action_key": undoes or key}


def call(key: str, digest: str = "d") -> dict[str, Any]:
    return {"method": "POST", "path": "/charges", "key": key, "digest": digest}


def ledger(*entries: dict[str, Any], now: int, calls: list[dict[str, Any]] | None = None) -> dict[str, Any]:
    heard = [call(entry["key"]) for entry in entries] if calls is None else calls
    books = {"bob": {"opening": 500, "now": now}}
    return {"service": "payments", "entries": list(entries), "calls": heard, "books": books}


CHARGED = ledger(entry(KEY), now=400)
REFUNDED = ledger(entry(KEY), entry(f"{KEY}:undo", undoes=KEY), now=500)


def test_a_ledger_in_order_has_no_violations() -> None:
    assert list(violations(CHARGED, completed={"s1"})) == []
    assert list(violations(REFUNDED, undone={"s1", "never-seen"})) == []


@pytest.mark.parametrize(
    ("found", "sentence"),
    [
        (ledger(entry(KEY), entry(KEY), now=300), f"payments: {KEY} was applied 2 times."),
        (
            ledger(entry(f"{KEY}:undo", undoes=KEY), entry(KEY), now=500),
            "has the effects compensation, action, not an action and at most one compensation after it.",
        ),
        (ledger(entry(f"{KEY}:undo", undoes=KEY), now=600), "has the effects compensation, not"),
        (
            ledger(entry(KEY), entry("u1", undoes=KEY), entry("u2", undoes=KEY), now=600),
            "has the effects action, compensation, compensation, not",
        ),
        (
            ledger(entry(KEY), entry("u1", undoes=KEY, quantity=50), now=450),
            f"{KEY} was compensated with something else than its action did.",
        ),
        (ledger(entry(KEY), now=400, calls=[]), f"{KEY} had an effect without a call."),
        (
            ledger(entry(KEY), now=400, calls=[call(KEY, "a"), call(KEY, "b")]),
            f"{KEY} came with 2 different requests.",
        ),
        (ledger(entry(KEY), now=399), "bob began with 500, 100 were taken, but 399 are left."),
    ],
)
def test_every_violation_is_named(found: dict[str, Any], sentence: str) -> None:
    assert any(sentence in violation for violation in violations(found))


def test_an_effect_that_an_undone_saga_left_is_named() -> None:
    assert list(violations(CHARGED, undone={"s1"})) == [
        "payments: saga s1 was undone, but 1 of its effects are in place."
    ]


def test_an_effect_that_a_completed_saga_lost_or_did_twice_is_named() -> None:
    assert any("one of its effects was undone" in violation for violation in violations(REFUNDED, completed={"s1"}))
    twice = ledger(entry(KEY), entry("s1:charge:0:2"), now=300)
    assert list(violations(twice, completed={"s1"})) == ["payments: saga s1 completed, but did charge 2 times."]


def test_the_services_own_ledgers_hold_and_a_changed_repetition_is_found(tmp_path: Path) -> None:
    def service(name: str, **attempt: str) -> Service:
        return Service(name=name, deadline=lambda: 30.0, **{"key": KEY, **shop.services[name], **attempt})

    charge = {"order_id": "A-1", "user_id": "alice", "amount": 100}
    undoing = {"key": f"{KEY}:undo", "action_key": KEY}
    with Participants(tmp_path, names=["payments", "shipping"]) as shop:
        service("payments").post("/charges", json=charge)
        service("shipping").post("/couriers", json={"order_id": "A-1"})
        assert check(shop.urls, completed=["s1"]) == []
        service("payments", **undoing).post("/refunds")
        service("shipping", **undoing).post("/couriers/cancel")
        assert check(shop.urls.values(), undone=["s1"]) == []
        assert len(check(shop.urls, completed=["s1"])) == 2
        with pytest.raises(Abort):
            service("payments").post("/charges", json=charge | {"amount": 200})
        assert check(shop.urls) == [f"payments: {KEY} came with 2 different requests."]
