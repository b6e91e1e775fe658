"""The client in Python: typed calls, patient with an outage, and never twice."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import httpx
import pytest
from django.conf import settings
from django.test import Client

from sagas import client as module
from sagas.client import Refused, Sagas, Unanswered
from sagas.models import Saga

pytestmark = pytest.mark.django_db


@pytest.fixture
def pauses(monkeypatch) -> list[float]:
    """How long the client would have slept, each time."""
    slept: list[float] = []
    monkeypatch.setattr(module.time, "sleep", slept.append)
    return slept


@pytest.fixture
def failures() -> list[Callable[[httpx.Request], httpx.Response | None]]:
    """What goes wrong before a request gets through, one after the other."""
    return []


@pytest.fixture
def sagas(failures):
    def handle(request: httpx.Request) -> httpx.Response:
        if failures and (answer := failures.pop(0)(request)) is not None:
            return answer
        return through(request)

    with Sagas("http://testserver", key=settings.GATEWAY["API_KEY"], transport=httpx.MockTransport(handle)) as found:
        yield found


def through(request: httpx.Request) -> httpx.Response:
    """The real doors."""
    headers = {name: value for name, value in request.headers.items() if name not in ("host", "content-length")}
    path = request.url.raw_path.decode()
    answer = Client().generic(request.method, path, request.content, "application/json", headers=headers)
    return httpx.Response(answer.status_code, headers=dict(answer.items()), content=answer.content)


def lost(request: httpx.Request) -> httpx.Response | None:
    through(request)
    raise httpx.ReadError("the connection broke")


def away(status: int, **headers: str) -> Callable[[httpx.Request], httpx.Response]:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return lambda request: httpx.Response(status, headers=named, json={"detail": "later", "code": "later"})


def test_a_saga_is_started_followed_and_found(sagas, world, two):
    saga = sagas.start("two", {"order": 7}, business_key="order-7", labels={"shop": "Berlin"})
    world.work()
    assert sagas.get(saga["id"])["state"] == "completed"
    assert [found["id"] for found in sagas.find(label="shop:Berlin")] == [saga["id"]]


def test_a_list_is_read_page_by_page(sagas, world, two):
    started = [sagas.start("two")["id"] for _ in range(5)]
    assert [found["id"] for found in sagas.find(limit=2)] == started[::-1]


def test_a_start_whose_answer_was_lost_is_sent_again_and_begins_one_saga(sagas, failures, two, pauses):
    failures.extend([lost, lost])
    saga = sagas.start("two")
    assert Saga.objects.get().pk.hex == saga["id"].replace("-", "")
    assert len(pauses) == 2


def test_the_coordinator_says_when_to_come_again(sagas, failures, two, pauses):
    failures.extend([away(503, Retry_After="2"), away(429, Retry_After="7"), away(409, Retry_After="1"), away(502)])
    sagas.start("two")
    assert pauses[:3] == [2, 7, 1]


def test_what_is_refused_is_said_with_its_problem(sagas, two, pauses):
    with pytest.raises(Refused, match="There is no saga named 'tow'") as refused:
        sagas.start("tow")
    assert (refused.value.status, refused.value.code) == (422, "definition_unknown")
    assert pauses == []


def test_an_outage_that_goes_on_is_told(sagas, failures, two, pauses):
    failures.extend([away(503)] * 5)
    with pytest.raises(Refused) as refused:
        sagas.start("two")
    assert refused.value.status == 503
    failures.extend([lost] * 5)
    with pytest.raises(Unanswered, match="ReadError"):
        sagas.start("two", idempotency_key="k")


def test_a_signal_is_stored_once(sagas, failures, two, pauses):
    saga = sagas.start("two")
    failures.append(lost)
    assert sagas.signal(saga["id"], "paid", {"amount": 7})["replayed"] is True


def test_whoever_holds_a_business_key_is_told_whatever_characters_it_has(sagas, failures, two, pauses):
    failures.extend([away(503), lost])
    told = sagas.signal_by_key("two", "7/8 ä?", "paid", {"amount": 7}, start_if_missing={"labels": {"shop": "Bonn"}})
    again = sagas.signal_by_key("two", "7/8 ä?", "paid", {"amount": 8})
    assert told["saga"] == again["saga"]
    found = sagas.get(told["saga"])
    assert (found["business_key"], found["labels"]) == ("7/8 ä?", {"shop": "Bonn"})


def test_a_verb_is_foreseen_and_called_once(sagas, failures, two, pauses):
    saga = sagas.start("two")
    assert sagas.act(saga["id"], "cancel", "enough", dry_run=True)["dry_run"] is True
    failures.append(lost)
    with pytest.raises(Unanswered):
        sagas.act(saga["id"], "cancel", "enough")
    assert pauses == []


def test_a_wait_has_the_time_that_it_asks_for(sagas, failures, two):
    seen: list[Any] = []
    failures.append(
        lambda request: seen.append((request.url.query, request.extensions["timeout"]["read"])) or away(200)(request)
    )
    sagas.start("two", wait=timedelta(seconds=30))
    assert seen == [(b"wait=30", 40.0)]
