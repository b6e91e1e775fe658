"""POST /api/v1/sagas/: accepted is kept, once per key, and what cannot be accepted is said clearly."""

import json
import re
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from django.db import connection, connections
from django.test.utils import CaptureQueriesContext
from pydantic import BaseModel, ConfigDict

from gateway import keys
from sagas import approval, parallel, saga, sleep, step, wait
from sagas.models import Saga
from tests.sagas.api.conftest import SAGAS, Api

AT_ONCE = 50

pytestmark = pytest.mark.django_db


class Order(BaseModel):
    model_config = ConfigDict(extra="forbid")
    amount: int


@pytest.fixture
def priced(world):
    """A saga whose input has a shape."""
    table = saga("priced", step(world.charge, compensation=world.refund), input=Order)
    world.knows(table)
    return table


def test_a_saga_begins(api, two):
    answer = api.start(input={"order": 7}, business_key="order-7", labels={"shop": "Berlin"}, priority=3)
    saga = Saga.objects.get()
    assert (answer.status_code, answer.json()["id"]) == (201, str(saga.pk))
    assert answer.headers["Location"] == answer.json()["url"] == f"http://testserver{SAGAS}{saga.pk}/"
    assert (saga.input, saga.business_key, saga.labels, saga.priority) == (
        {"order": 7},
        "order-7",
        {"shop": "Berlin"},
        3,
    )
    assert (saga.started_by, saga.tenant) == ("service", "default")


def test_the_trace_of_the_request_goes_on_in_the_saga(api, two):
    trace = f"00-{'a' * 32}-{'b' * 16}-01"
    api.post(SAGAS, {"definition": "two"}, traceparent=trace)
    assert Saga.objects.get().traceparent == trace


def test_the_same_request_under_the_same_key_is_answered_with_the_same_saga(api, two):
    first, second = api.start(input=1, key="k"), api.start(input=1, key="k")
    assert (first.status_code, second.status_code) == (201, 200)
    assert first.json()["id"] == second.json()["id"]
    assert "Idempotent-Replayed" not in first.headers
    assert second.headers["Idempotent-Replayed"] == "true"
    assert second.headers["Location"] == first.headers["Location"]
    assert Saga.objects.count() == 1


def test_a_key_that_met_the_holder_of_a_business_key_stands_for_it_ever_after(api, two):
    holder = api.start(business_key="order-7").json()["id"]
    first, second = (api.start(business_key="order-7", key="k") for _ in range(2))
    assert (first.status_code, first.json()["id"]) == (200, holder)
    assert (second.status_code, second.json()["id"], second.headers["Idempotent-Replayed"]) == (200, holder, "true")


def test_another_request_under_the_same_key_is_refused(api, two):
    api.start(input=1, key="k")
    answer = api.start(input=2, key="k")
    assert (answer.status_code, answer.json()["code"]) == (422, "idempotency_key_reused")
    assert Saga.objects.count() == 1


def test_a_refused_request_does_not_use_its_key_up(api, priced):
    assert api.start("priced", input={"amount": "many"}, key="k").status_code == 422
    assert api.start("priced", input={"amount": 5}, key="k").status_code == 201


def test_a_business_key_that_is_taken_gives_the_open_saga(api, two):
    first, second = api.start(business_key="order-7"), api.start(business_key="order-7")
    assert (second.status_code, second.json()["id"]) == (200, first.json()["id"])


def test_a_business_key_that_is_taken_is_refused_when_that_is_wanted(api, two):
    api.start(business_key="order-7")
    answer = api.start(business_key="order-7", on_duplicate="refuse")
    assert (answer.status_code, answer.json()["code"]) == (409, "duplicate")
    assert "cancel" in answer.json()["allowed"]


def test_a_saga_takes_the_place_of_the_one_that_holds_the_key(api, world, two):
    holder = api.start(business_key="order-7").json()
    heir = api.start(business_key="order-7", on_duplicate="replace")
    assert (heir.status_code, heir.json()["state"], heir.json()["id"] != holder["id"]) == (201, "pending", True)
    world.work()
    assert api.get(f"{SAGAS}{holder['id']}/").json()["state"] == "cancelled"
    assert api.get(f"{SAGAS}{heir.json()['id']}/").json()["state"] == "completed"


def test_a_saga_waits_until_the_key_is_free(api, world, two):
    api.start(business_key="order-7")
    heir = api.start(business_key="order-7", on_duplicate="queue")
    assert (heir.status_code, heir.json()["state"]) == (201, "pending")
    assert "business key" in heir.json()["next"]
    world.work()
    assert api.get(f"{SAGAS}{heir.json()['id']}/").json()["state"] == "completed"


def test_a_saga_begins_at_the_time_that_was_asked_for(api, world, two):
    started = api.start(start_at="2999-01-01T00:00:00+01:00").json()
    assert (started["state"], started["start_at"]) == ("pending", "2998-12-31T23:00:00Z")
    world.work()
    assert api.get(f"{SAGAS}{started['id']}/").json()["state"] == "pending"


def test_a_definition_that_nobody_knows_is_refused_with_those_that_there_are(api, two):
    answer = api.start("tow")
    assert (answer.status_code, answer.json()["code"]) == (422, "definition_unknown")
    assert "two" in answer.json()["detail"]


def test_input_that_does_not_fit_is_refused_with_every_fault(api, priced):
    answer = api.start("priced", input={"amount": "many", "colour": "red"})
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_input")
    assert {error["pointer"] for error in answer.json()["errors"]} == {"/input/amount", "/input/colour"}


@pytest.mark.only_on("postgresql")
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    ("key", "cost"),
    [(None, ["WITH"]), ("k", ["BEGIN", "INSERT", "WITH", "COMMIT"])],
    ids=["without a key", "under a key"],
)
def test_a_start_is_one_statement_and_one_for_its_key_and_its_answer_asks_for_nothing(api, two, key, cost):
    service = keys.create("shop", tenant="default", scopes=["start"]).key
    api.client.defaults["HTTP_AUTHORIZATION"] = f"Bearer {service}"
    api.start(business_key="first", key=key and "first")
    with CaptureQueriesContext(connection) as statements:
        answer = api.start(business_key="second", key=key)
    assert answer.status_code == 201
    assert [statement["sql"].split()[0] for statement in statements] == cost


def test_the_answer_to_a_start_is_what_a_look_says(api, world):
    by = {"compensation": world.refund}
    rows = {
        "one": [step(world.charge, **by)],
        "both": [parallel(step(world.charge, **by), step(world.ship, **by))],
        "waits": [wait("paid", timeout=timedelta(hours=1))],
        "asks": [approval("go_on")],
        "rests": [sleep(timedelta(hours=1), name="rest")],
    }
    for name, of in rows.items():
        world.knows(saga(name, *of))
        told = api.start(name, input={"order": 7}, business_key=name, labels={"shop": "north"}, key=name)
        assert told.status_code == 201
        seen = api.get(told.json()["url"])
        said, looked = (re.sub(r"since \d+ s", "since just now", one.content.decode()) for one in (told, seen))
        assert json.loads(said) == json.loads(looked)


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({}, "/definition"),
        ({"definition": "two", "imput": 1}, "/imput"),
        ({"definition": 2}, "/definition"),
        ({"definition": ""}, "/definition"),
        ({"definition": "two", "business_key": ""}, "/business_key"),
        ({"definition": "two", "business_key": "k" * 256}, "/business_key"),
        ({"definition": "two", "on_duplicate": "ignore"}, "/on_duplicate"),
        ({"definition": "two", "priority": "5"}, "/priority"),
        ({"definition": "two", "priority": True}, "/priority"),
        ({"definition": "two", "priority": 10**9}, "/priority"),
        ({"definition": "two", "version": 0}, "/version"),
        ({"definition": "two", "version": 10**30}, "/version"),
        ({"definition": "two", "labels": {"a": 1}}, "/labels/a"),
        ({"definition": "two", "labels": {"a": "v" * 256}}, "/labels/a"),
        ({"definition": "two", "labels": {f"l{n}": "" for n in range(21)}}, "/labels"),
        ({"definition": "two", "labels": ["a"]}, "/labels"),
    ],
)
def test_what_has_not_the_right_shape_is_refused_by_name(api, two, body, pointer):
    answer = api.post(SAGAS, body)
    assert answer.status_code == 422
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert [error["pointer"] for error in answer.json()["errors"]] == [pointer]
    assert not Saga.objects.exists()


def test_a_misspelt_field_is_told_the_nearest_one(api, two):
    assert "did you mean 'input'?" in api.start(imput=1).json()["detail"]


@pytest.mark.parametrize("body", [b"[]", b"7", b"null", b'"two"'])
def test_a_body_that_is_no_object_is_refused(api, two, body):
    assert api.post(SAGAS, body).status_code == 422


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b'{"definition": "two", "input": ' + b"[" * 5000 + b"]" * 5000 + b"}", 400),
        (b'{"definition": "two", "input": "\\u0000"}', 400),
        (b'{"definition": "two", "input": "\\ud800"}', 400),
        (b'{"definition": "two", "business_key": "\\u0000"}', 400),
        (b'{"definition": "two", "input": NaN}', 400),
        (b'{"definition": "two", "input": 1e999}', 400),
        (b'{"definition": "two", "input": ' + b"9" * 5000 + b"}", 400),
        (b'{"definition": "two", "definition": "three"}', 400),
        (b'{"definition": "two", "input": "\xff"}', 400),
        (b'{"definition": "tw', 400),
        (b'{"definition": "two", "input": "' + b"x" * 300_000 + b'"}', 413),
    ],
)
def test_hostile_bodies_are_refused_before_they_can_do_harm(api, two, body, status):
    answer = api.post(SAGAS, body)
    assert (answer.status_code, answer.headers["Content-Type"]) == (status, "application/problem+json")
    assert not Saga.objects.exists()


def test_only_json_is_read(api, two):
    answer = api.client.post(SAGAS, {"definition": "two"})
    assert (answer.status_code, answer.headers["Content-Type"]) == (415, "application/problem+json")


def test_nobody_comes_in_without_a_key(api, two, client):
    assert client.post(SAGAS, {"definition": "two"}, content_type="application/json").status_code == 401
    wrong = client.get(SAGAS, headers={"X-API-Key": "wrong"})
    assert (wrong.status_code, wrong.headers["WWW-Authenticate"]) == (401, 'Bearer realm="api"')


def test_a_person_needs_the_permission_for_what_they_do(two, client, django_user_model):
    client.force_login(django_user_model.objects.create_user("guest", is_staff=True))
    assert client.get(SAGAS).status_code == 403
    client.force_login(django_user_model.objects.create_superuser("ann"))
    assert client.get(SAGAS).status_code == 200
    assert client.post(SAGAS, {"definition": "two"}, content_type="application/json").status_code == 201


@pytest.mark.django_db(transaction=True)
def test_many_requests_at_once_under_one_key_begin_one_saga(two):
    together = threading.Barrier(AT_ONCE)

    def start(number: int) -> tuple[int, str]:
        try:
            together.wait()
            answer = Api().start(input=1, key="k")
            return answer.status_code, answer.json().get("id", answer.json().get("code"))
        finally:
            connections.close_all()

    with ThreadPoolExecutor(AT_ONCE) as pool:
        answers = list(pool.map(start, range(AT_ONCE)))
    assert {found for _, found in answers} == {str(Saga.objects.get().pk)}
    assert sorted(status for status, _ in answers) == [200] * (AT_ONCE - 1) + [201]


@pytest.mark.django_db(transaction=True)
def test_many_requests_at_once_for_one_business_key_begin_one_saga(two):
    together = threading.Barrier(8)

    def start(number: int) -> tuple[int, str]:
        try:
            together.wait()
            answer = Api().start(business_key="order-7", key=f"k{number}")
            return answer.status_code, answer.json().get("id", answer.json().get("code"))
        finally:
            connections.close_all()

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(start, range(8)))
    assert {found for _, found in answers} == {str(Saga.objects.get().pk)}
    assert sorted(status for status, _ in answers) == [200] * 7 + [201]
