"""Participants over REST: how they stand, and what holds and releases them."""

import pytest

from gateway import keys
from sagas import saga, step
from sagas.models import Audit, Hold
from sagas.record import holds

pytestmark = pytest.mark.django_db

ALL = "/api/v1/participants/"
PAYMENTS = f"{ALL}payments/"
WHY = {"reason": "it answers 500"}


@pytest.fixture(autouse=True)
def know_of_nothing():
    yield
    holds.forget()


@pytest.fixture
def order(world):
    table = saga(
        "order",
        step(world.charge, compensation=world.refund, participant="payments"),
        step(world.ship, no_compensation="none", participant="shipping"),
    )
    world.knows(table)
    return table


def test_each_participant_says_how_it_stands(api, order):
    found = {one["name"]: one for one in api.get(ALL).json()["results"]}
    assert found["payments"]["state"] == "called"
    assert found["payments"]["steps"] == [{"definition": "order", "step": "charge"}]
    assert list(found["payments"]["links"]) == ["hold"]
    assert found["payments"] == api.get(PAYMENTS).json()


def test_held_with_a_canary_and_released(api, world, order):
    held = api.post(f"{PAYMENTS}hold/", {**WHY, "until": "2999-01-01T00:00:00Z"})
    assert (held.status_code, held.json()["state"]) == (200, "held")
    assert held.json()["reason"] == "it answers 500"
    holds.look()
    first, second = api.post("/api/v1/sagas/", {"definition": "order"}).json(), world.start(order)
    world.work()
    world.work()
    document = api.get(f"/api/v1/sagas/{first['id']}/").json()
    assert "payments is held by" in document["next"]
    assert (document["steps"][0]["at"], document["steps"][0]["parked_at"] is not None) == (None, True)
    assert api.get(PAYMENTS).json()["waiting"] == 2

    sent = api.post(f"{PAYMENTS}canary/", {**WHY, "saga": str(second.pk)}).json()
    assert [canary["saga"] for canary in sent["canaries"]] == [str(second.pk)]
    world.work()
    [canary] = api.get(PAYMENTS).json()["canaries"]
    assert (canary["outcome"], canary["went_well"]) == ("charge succeeded.", True)

    released = api.post(f"{PAYMENTS}release/", {**WHY, "rate": 10}).json()
    assert (released["state"], released["rate"]) == ("releasing", 10)
    assert sorted(released["links"]) == ["hold", "release"]
    assert [entry.verb for entry in Audit.objects.order_by("id")] == ["hold", "canary", "release"]


def test_a_dry_run_changes_nothing(api, order):
    said = api.post(f"{PAYMENTS}hold/?dry_run=true", WHY).json()
    assert said["dry_run"] is True
    assert said["sentences"][0] == "These steps wait, forward and back: charge of order."
    assert not Hold.objects.exists()


@pytest.mark.parametrize(
    ("verb", "body", "status", "code"),
    [
        ("release", WHY, 409, "not_held"),
        ("canary", WHY, 409, "not_held"),
        ("hold", {}, 422, "invalid_body"),
        ("hold", {**WHY, "until": "1999-01-01T00:00:00Z"}, 422, "invalid_input"),
        ("release", {**WHY, "rate": 0}, 422, "invalid_body"),
        ("canary", {**WHY, "saga": "none"}, 422, "invalid_body"),
    ],
)
def test_what_makes_no_sense_is_refused(api, order, verb, body, status, code):
    answer = api.post(f"{PAYMENTS}{verb}/", body)
    assert (answer.status_code, answer.json()["code"]) == (status, code)


def test_what_nobody_calls_is_not_there(api, order):
    assert api.get(f"{ALL}nobody/").status_code == 404
    assert api.post(f"{ALL}nobody/hold/", WHY).status_code == 404


def test_a_key_for_some_sagas_sees_what_they_call_and_holds_nothing(client, order):
    def ask(method, path, body, definition):
        key = keys.issue(definition, tenant="default", scopes=["admin"], definitions=[definition]).key
        return client.generic(method, path, body, content_type="application/json", headers={"X-API-Key": key})

    assert [one["name"] for one in ask("GET", ALL, "", "order").json()["results"]] == ["payments", "shipping"]
    assert ask("GET", ALL, "", "another").json()["results"] == []
    assert ask("POST", f"{PAYMENTS}hold/", '{"reason": "x"}', "order").json()["code"] == "definition_not_held"
    assert ask("POST", f"{PAYMENTS}hold/", '{"reason": "x"}', "another").status_code == 404


@pytest.mark.parametrize(("scopes", "looks", "holds_it"), [(["read"], 200, 403), (["start"], 403, 403)])
def test_a_key_needs_the_scope(client, order, scopes, looks, holds_it):
    headers = {"X-API-Key": keys.issue("shop", tenant="default", scopes=scopes).key}
    assert client.get(PAYMENTS, headers=headers).status_code == looks
    sent = client.post(f"{PAYMENTS}hold/", WHY, content_type="application/json", headers=headers)
    assert sent.status_code == holds_it
