"""Incident groups, bulk operations and batches over REST."""

from datetime import timedelta

import pytest

from sagas.api import listing
from sagas.errors import Abort
from sagas.models import BulkOperation, Saga
from sagas.operations.working import run_bulk
from tests.sagas.api.conftest import SAGAS

pytestmark = pytest.mark.django_db

GROUPS, BULK, BATCH = "/api/v1/incidents/", "/api/v1/operations/", f"{SAGAS}batch/"
ALL = {"verb": "retry", "reason": "back again", "filter": {}}


@pytest.fixture
def stuck(api, world, two):
    world.script("ship", *[Abort("no")] * 2)
    world.script("refund", *[Abort("never")] * 2)
    for key in ("order-1", "order-2"):
        api.start(business_key=key)
    world.work()


def test_incidents_are_grouped_by_their_cause(api, stuck):
    (group,) = api.get(GROUPS).json()["results"]
    assert (group["definition"], group["step"], group["reason_code"], group["count"], group["sagas"]) == (
        "two",
        "charge",
        "abort",
        2,
        2,
    )
    assert {saga["business_key"] for saga in api.get(group["url"]).json()["results"]} == {"order-1", "order-2"}


def test_a_group_is_looked_after(api, stuck):
    address = f"{GROUPS}{api.get(GROUPS).json()['results'][0]['id']}/"
    assert api.post(f"{address}assign/", {"owner": "anna"}).json()["owner"] == "anna"
    assert api.post(f"{address}note/", {"note": "known"}).json()["note"] == "known"
    (group,) = api.get(GROUPS).json()["results"]
    assert (group["owner"], group["note"]) == ("anna", "known")


def test_a_muted_group_is_shown_when_it_is_asked_for(api, stuck):
    address = f"{GROUPS}{api.get(GROUPS).json()['results'][0]['id']}/mute/"
    assert api.post(address, {"until": "2999-01-01T00:00:00Z"}).status_code == 200
    assert api.get(GROUPS).json()["results"] == []
    assert len(api.get(GROUPS, muted="true").json()["results"]) == 1
    assert api.post(address, {"until": None}).json()["muted_until"] is None
    assert len(api.get(GROUPS).json()["results"]) == 1


@pytest.mark.parametrize("group", ["x", "AAAA", "é", "YQpi", "AAphCmI", "YQpiCmM"])
def test_a_group_that_is_not_there_is_a_404(api, stuck, group):
    assert api.post(f"{GROUPS}{group}/assign/", {"owner": "anna"}).status_code == 404


def test_a_bulk_operation_goes_its_way(api, world, stuck):
    begun = api.post(BULK, {**ALL, "rate": 60_000})
    found = begun.json()
    assert (begun.status_code, found["total"], found["counts"]["waiting"]) == (201, 2, 2)
    assert found["selection"] == {"filter": {}}
    for _ in range(3):
        world.later(timedelta(seconds=3))
        run_bulk()
        world.work()
    found = api.get(found["url"]).json()
    assert (found["state"], found["counts"]["recovered"]) == ("done", 2)
    items = api.get(found["links"]["items"], state="recovered").json()["results"]
    assert {item["business_key"] for item in items} == {"order-1", "order-2"}


def test_a_bulk_operation_is_foreseen(api, stuck):
    answer = api.post(f"{BULK}?dry_run=true", ALL)
    assert answer.status_code == 200
    assert (answer.json()["total"], answer.json()["eligible"]) == (2, 2)
    assert not BulkOperation.objects.exists()


def test_what_no_index_answers_is_looked_for_among_so_many_and_no_more(api, stuck, two, monkeypatch):
    monkeypatch.setattr(listing, "MOST_SIFTED", 2)
    api.start(business_key="order-3", labels={"shop": "Berlin"})
    labelled = {**ALL, "verb": "pause", "filter": {"label": "shop:Berlin"}}
    answer = api.post(f"{BULK}?dry_run=true", labelled)
    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, "/filter")
    assert "looks for label among more than 2 sagas" in answer.json()["detail"]
    assert api.post(BULK, labelled).status_code == 422
    assert api.post("/api/v1/proposals/", {**labelled, "verb": "cancel"}).status_code == 422
    closer = {**labelled, "filter": {"label": "shop:Berlin", "needs_person": False}}
    assert api.post(f"{BULK}?dry_run=true", closer).json()["total"] == 1
    assert api.get(SAGAS, label="shop:Berlin").status_code == 200, "a page of the list has its own bounds"


def test_a_bulk_operation_begins_once_under_one_key(api, stuck):
    first, second = (api.post(BULK, ALL, Idempotency_Key="k") for _ in range(2))
    assert first.json()["id"] == second.json()["id"]
    assert second.headers["Idempotent-Replayed"] == "true"


def test_a_bulk_operation_is_steered(api, stuck):
    found = api.post(BULK, ALL).json()
    assert api.post(found["links"]["pause"], {}).json()["state"] == "paused"
    refused = api.post(found["links"]["pause"], {})
    assert (refused.status_code, refused.json()["allowed"]) == (409, ["resume", "cancel"])
    assert api.post(found["links"]["resume"], {}).json()["state"] == "running"
    assert api.post(found["links"]["cancel"], {}).json()["state"] == "cancelled"
    assert api.get(BULK).json()["results"][0]["counts"]["cancelled"] == 2


@pytest.mark.parametrize(
    "changed",
    [
        {"verb": "clone"},
        {"filter": None},
        {"ids": ["00000000-0000-7000-8000-000000000000"]},
        {"ids": [], "filter": None},
        {"rate": 0},
        {"reason": ""},
        {"arguments": {"result": 1}},
        {"verb": "skip"},
        {"filter": {"colour": "red"}},
        {"filter": {"state": "odd"}},
    ],
    ids=str,
)
def test_a_bulk_operation_that_is_not_clear_is_refused(api, stuck, changed):
    answer = api.post(BULK, {**ALL, **changed})
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_body")
    assert not BulkOperation.objects.exists()


def test_each_saga_of_a_batch_has_a_result_of_its_own(api, two):
    items = [
        {"definition": "two", "business_key": "order-1"},
        {"definition": "none"},
        {"definition": "two", "imput": 1},
        {"definition": "two", "business_key": "order-1"},
        7,
    ]
    answer = api.post(BATCH, {"items": items})
    results = answer.json()["results"]
    assert (answer.status_code, [result["status"] for result in results]) == (200, [201, 422, 422, 200, 422])
    assert results[1]["problem"]["code"] == "definition_unknown"
    assert results[0]["saga"]["id"] == results[3]["saga"]["id"] == str(Saga.objects.get().pk)


def test_a_batch_begins_once_under_one_key(api, two):
    body = {"items": [{"definition": "two"}] * 3 + [{"definition": "none"}]}
    first, second = (api.post(BATCH, body, Idempotency_Key="k") for _ in range(2))
    assert first.json() == second.json()
    assert (Saga.objects.count(), second.headers["Idempotent-Replayed"]) == (3, "true")


@pytest.mark.parametrize("items", [[], [{}] * 1001, None, "two"])
def test_a_batch_has_one_to_a_thousand_items(api, two, items):
    assert api.post(BATCH, {"items": items}).status_code == 422


def test_a_batch_may_be_larger_than_one_request(api, two):
    items = [{"definition": "two", "input": "x" * 100_000}] * 4
    assert [one["status"] for one in api.post(BATCH, {"items": items}).json()["results"]] == [201] * 4
    assert api.post(BATCH, b'{"items": ["' + b"x" * 4_200_000 + b'"]}').status_code == 413
