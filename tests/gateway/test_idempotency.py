import hashlib
import json
import threading
from datetime import timedelta

import pytest
from django.contrib.auth.models import Group
from django.db import connection, transaction

from gateway import idempotency
from gateway.callers import Caller
from gateway.models import IdempotencyKey
from tests.gateway.conftest import KEY, Service

ANNA = {"customer": "anna"}
CALLER = Caller(name="service")


def order(service: Service, body=ANNA, key: str | None = "one"):
    return service.send("/api/orders/", body, **({"Idempotency-Key": key} if key is not None else {}))


@pytest.mark.django_db
def test_the_same_key_and_body_get_the_same_answer_and_one_effect(service):
    before = Group.objects.count()
    first, second = order(service), order(service)
    assert (first.status_code, first.json()) == (second.status_code, second.json()) == (201, first.json())
    assert "Idempotent-Replayed" not in first.headers
    assert second.headers["Idempotent-Replayed"] == "true"
    assert Group.objects.count() == before + 1


@pytest.mark.django_db
def test_the_order_of_the_fields_and_the_spaces_make_no_other_body(service):
    order(service, b'{"customer": "anna", "priority": 1}')
    assert order(service, b'{"priority":1,"customer":"anna"}').headers["Idempotent-Replayed"] == "true"


@pytest.mark.django_db
def test_another_body_under_the_key_is_a_422(service):
    order(service)
    answer = order(service, {"customer": "berta"})
    assert (answer.status_code, answer.json()["code"]) == (422, "idempotency_key_reused")


@pytest.mark.django_db
def test_a_request_that_was_refused_is_not_remembered(service):
    assert order(service, {"customer": "nobody"}).status_code == 409
    assert order(service, ANNA).status_code == 201


@pytest.mark.django_db
def test_without_a_key_every_request_counts(service):
    assert order(service, key=None).json() != order(service, key=None).json()
    assert not IdempotencyKey.objects.exists()


@pytest.mark.django_db
@pytest.mark.parametrize(
    "other", [{"caller": Caller(name="other")}, {"caller": Caller(name="service", tenant="b")}, {"scope": "b"}]
)
def test_a_key_belongs_to_its_caller_tenant_and_call(other):
    def answered(caller: Caller = CALLER, scope: str = "a") -> bool:
        with idempotency.remembered(caller, scope, "one", {}) as memory:
            if memory.answer:
                return True
            memory.keep(200, {})
        return False

    assert not answered()
    assert not answered(**other)
    assert answered()


@pytest.mark.django_db
@pytest.mark.parametrize("key", ["", " ", "x" * 256, "a b", "a\tb", "schlüssel", "\x7f"])
def test_a_key_that_cannot_be_is_a_400(service, key):
    answer = order(service, key=key)
    assert (answer.status_code, answer.json()["code"]) == (400, "idempotency_key_invalid")


@pytest.mark.django_db
def test_a_key_of_255_characters_is_kept_whole(service):
    order(service, key="x" * 254 + "1")
    assert "Idempotent-Replayed" not in order(service, key="x" * 254 + "2").headers
    assert IdempotencyKey.objects.count() == 2


@pytest.mark.django_db
def test_a_block_that_forgets_to_keep_its_answer_commits_nothing():
    with pytest.raises(RuntimeError, match="keep"), idempotency.remembered(CALLER, "a", "one", {}):
        Group.objects.create(name="lost")
    assert not Group.objects.filter(name="lost").exists()


@pytest.mark.django_db
def test_what_was_sent_cannot_be_found_out_from_what_is_kept_of_it():
    """A PIN has ten thousand values: without a key in the hash, whoever reads the table tries them all."""
    body = {"customer": "anna", "pin": "4711"}
    for key in ("one", "two"):
        with idempotency.remembered(CALLER, "a", key, body) as memory:
            memory.keep(200, {})
    kept = [row.fingerprint for row in IdempotencyKey.objects.all()]
    spelt = [json.dumps(body, **how) for how in ({}, {"separators": (",", ":")}, {"sort_keys": True})]
    assert not {hashlib.sha256(said.encode()).hexdigest() for said in spelt} & set(kept)
    assert len(set(kept)) == 2, "nor does the same body look the same under another key"


@pytest.mark.django_db
def test_a_request_is_known_again_while_the_key_of_its_time_is_among_the_fallbacks(service, settings):
    first = order(service)
    settings.SECRET_KEY_FALLBACKS = [settings.SECRET_KEY]
    settings.SECRET_KEY = "another one, as long as such keys are"
    again = order(service)
    assert (again.json(), again.headers["Idempotent-Replayed"]) == (first.json(), "true")
    assert order(service, {"customer": "berta"}).status_code == 422
    order(service, key="two")
    settings.SECRET_KEY_FALLBACKS = []
    assert order(service, key="two").headers["Idempotent-Replayed"] == "true"
    assert order(service).status_code == 422, "what is known of it cannot be read any more, so nothing is done twice"


def test_of_twenty_requests_at_once_one_has_the_effect_and_all_the_answer(transactional_db, aside):
    before = Group.objects.count()
    start = threading.Barrier(20)

    def request():
        start.wait()
        return order(Service())

    answers = [request.result() for request in [aside(request) for _ in range(20)]]
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.content for answer in answers}) == 1
    assert sum("Idempotent-Replayed" not in answer.headers for answer in answers) == 1
    assert Group.objects.count() == before + 1


def test_a_second_request_goes_ahead_when_the_first_is_rolled_back(transactional_db, aside):
    inside, leave = threading.Event(), threading.Event()

    def first() -> None:
        with idempotency.remembered(CALLER, "order", "one", ANNA):
            inside.set()
            leave.wait()
            raise ZeroDivisionError

    failing = aside(first)
    inside.wait()
    second = aside(order, Service())
    leave.set()
    assert isinstance(failing.exception(), ZeroDivisionError)
    assert second.result().status_code == 201
    assert "Idempotent-Replayed" not in second.result().headers


@pytest.mark.parametrize("patience", [timedelta(milliseconds=50), timedelta(0)], ids=str)
def test_a_second_request_is_not_left_waiting_for_a_first_that_takes_long(transactional_db, aside, settings, patience):
    """PostgreSQL only: on SQLite one transaction that writes is all there is, so nothing waits for a key."""
    if connection.vendor != "postgresql":
        return
    settings.GATEWAY = {"API_KEY": KEY, "IDEMPOTENCY_WAIT": patience}
    inside, leave = threading.Event(), threading.Event()

    def first() -> None:
        with idempotency.remembered(CALLER, "order", "one", ANNA) as memory:
            inside.set()
            leave.wait()
            memory.keep(201, {"id": 1})

    slow = aside(first)
    inside.wait()
    answer = aside(order, Service()).result()
    other_key = aside(order, Service(), ANNA, "two").result()
    leave.set()
    slow.result()
    assert (answer.status_code, answer.json()["code"]) == (409, "idempotency_key_at_work")
    assert answer.headers["Retry-After"] == "1"
    assert other_key.status_code == 201
    assert order(Service()).json() == {"id": 1}


def test_the_wait_for_a_key_ends_with_its_transaction(transactional_db):
    with idempotency.remembered(CALLER, "a", "one", {}) as memory:
        memory.keep(200, {})
    if connection.vendor == "postgresql":
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SHOW lock_timeout")
            assert cursor.fetchone() == ("10min",)
