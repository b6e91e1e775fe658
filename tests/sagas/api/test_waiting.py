"""Requests that wait for a saga: woken when it is where they want it, and without a database connection meanwhile."""

import json
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from django.db import connection, connections
from django.test import RequestFactory

from sagas import operations
from sagas.api.events import EventsDoor
from sagas.api.watching import ANSWERS_AT_ONCE, in_turn, places
from sagas.operations.waiting import watcher
from tests.harness.waiting import wait_until
from tests.sagas.api.conftest import SAGAS, Api

pytestmark = pytest.mark.django_db(transaction=True)

LONG = timedelta(seconds=60)


@pytest.fixture
def aside():
    """Do something in another thread, which gives its connection back."""
    with ThreadPoolExecutor(8) as pool:

        def begin(act: Callable[[], Any]) -> Future[Any]:
            def done() -> Any:
                try:
                    return act()
                finally:
                    connections.close_all()

            return pool.submit(done)

        yield begin


def waiting(many: int) -> None:
    wait_until(lambda: len(watcher._waits) == many, f"{many} requests wait", LONG)


def test_a_request_that_waits_is_answered_when_the_saga_has_ended(api, world, two, aside):
    address = api.start().json()["url"]
    answer = aside(lambda: Api().get(address, wait=60))
    waiting(1)
    world.work()
    assert answer.result(120).json()["state"] == "completed"
    assert not watcher._waits


def test_a_start_may_wait_for_its_end(api, world, two, aside):
    answer = aside(lambda: Api().post(f"{SAGAS}?wait=60", {"definition": "two"}))
    waiting(1)
    world.work()
    found = answer.result(120)
    assert (found.status_code, found.json()["state"]) == (201, "completed")


def test_a_request_may_wait_until_the_state_is_another(api, world, two, aside):
    saga = api.start(start_at="2999-01-01T00:00:00Z").json()
    answer = aside(lambda: Api().get(saga["url"], wait=60, state="pending"))
    waiting(1)
    operations.cancel(saga["id"], actor="a test", reason="enough")
    assert answer.result(120).json()["state"] == "cancelled"


def test_a_state_that_is_not_the_sagas_is_not_waited_for(api, two):
    assert api.get(api.start().json()["url"], wait=60, state="waiting").json()["state"] == "running"


def test_a_saga_that_has_ended_is_not_waited_for(api, world, two):
    address = api.start().json()["url"]
    world.work()
    assert api.get(address, wait=60).json()["state"] == "completed"


def test_when_time_is_up_the_answer_is_how_the_saga_stands(api, two):
    assert api.get(api.start().json()["url"], wait=1).json()["state"] == "running"


@pytest.mark.parametrize("query", ["wait=61", "wait=-1", "wait=x", "wait=1&wait=1", "state=odd", "until=ended"])
def test_a_wait_that_cannot_be_is_refused(api, two, query):
    answer = api.get(f"{api.start().json()['url']}?{query}")
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid_query")


def test_who_finds_all_places_taken_is_answered_at_once(api, two, settings):
    settings.SAGAS = {**settings.SAGAS, "LONG_POLLS": 0}
    assert api.get(api.start().json()["url"], wait=60).json()["state"] == "running"


def test_those_who_are_woken_together_read_a_few_at_a_time(transactional_db):
    """Two hundred at once would take every connection of the process, and most of them would get none in time."""
    inside, leave = threading.Semaphore(0), threading.Event()

    def read() -> None:
        with in_turn():
            inside.release()
            leave.wait()
        connections.close_all()

    with ThreadPoolExecutor(ANSWERS_AT_ONCE + 1) as pool:
        reading = [pool.submit(read) for _ in range(ANSWERS_AT_ONCE + 1)]
        try:
            assert all(inside.acquire(timeout=60) for _ in range(ANSWERS_AT_ONCE))
            assert not inside.acquire(timeout=0.05)
        finally:
            leave.set()
        for done in reading:
            done.result()


@pytest.mark.only_on("postgresql")
def test_a_request_that_waits_holds_no_connection(api, two, aside):
    pk = UUID(api.start().json()["id"])
    go_on = threading.Event()

    def wait() -> Any:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
        watcher.wait(pk, lambda seen: go_on.is_set(), LONG)
        return connection.connection

    answer = aside(wait)
    waiting(1)
    go_on.set()
    assert answer.result(120) is None


def events(answer: Any) -> list[tuple[str, Any]]:
    told = [part for part in b"".join(answer.streaming_content).decode().split("\n\n") if part and part[0] != ":"]
    fields = [dict(line.split(": ", 1) for line in part.split("\n")) for part in told]
    return [(field["event"], json.loads(field["data"])) for field in fields]


def test_every_move_is_told_as_it_happens_until_the_end(api, world, two, aside):
    saga = api.start().json()
    told = aside(lambda: events(Api().get(f"{saga['url']}events/")))
    waiting(1)
    world.work()
    found = told.result(120)
    journal = api.get(saga["links"]["journal"]).json()["results"]
    assert [data for name, data in found if name == "move"] == journal
    assert found[-1] == ("ended", {"state": "completed"})


def test_a_stream_goes_on_after_the_last_event_that_one_has(api, world, two):
    saga = api.start().json()
    world.work()
    answer = api.client.get(f"{saga['url']}events/", headers={"Last-Event-ID": "1"})
    assert answer.headers["Content-Type"] == "text/event-stream"
    assert next(data["rev"] for name, data in events(answer) if name == "move") == 2


@pytest.mark.parametrize("given", ["x", "-1", "1" * 19, "²"])
def test_an_event_id_that_cannot_be_is_refused(api, two, given):
    saga = api.start().json()
    answer = api.client.get(f"{saga['url']}events/", headers={"Last-Event-ID": given.encode().decode("latin-1")})
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid_last_event_id")


def test_a_stream_that_finds_all_places_taken_is_a_503(api, two, settings):
    settings.SAGAS = {**settings.SAGAS, "LONG_POLLS": 0}
    answer = api.get(f"{api.start().json()['url']}events/")
    assert (answer.status_code, answer.json()["code"]) == (503, "too_many_streams")


def test_a_stream_that_is_closed_gives_its_place_back(api, two):
    answer = api.get(f"{api.start().json()['url']}events/")
    next(answer.streaming_content)
    assert places.taken == 1
    answer.close()
    assert places.taken == 0


def test_whoever_only_asks_for_the_head_of_a_stream_gets_it_and_holds_no_place(api, two, settings):
    address = f"{api.start().json()['url']}events/"
    stream = api.get(address)
    given = stream.headers["Content-Type"], stream.headers["Cache-Control"]
    stream.close()
    settings.SAGAS = {**settings.SAGAS, "LONG_POLLS": 0}
    answer = api.client.head(address)
    assert (answer.status_code, answer.headers["Content-Type"], answer.headers["Cache-Control"]) == (200, *given)
    assert "Content-Length" not in answer.headers, "a stream has none"
    assert api.client.head(address, headers={"Last-Event-ID": "x"}).status_code == 400
    assert api.client.head(f"{SAGAS}{UUID(int=1)}/events/").status_code == 404


def test_the_head_of_a_stream_has_no_body_on_the_wire(two, api, settings):
    """Django's test client drops the body of every HEAD; a server reads what it is handed to the end."""
    address = f"{api.start().json()['url'].removeprefix('http://testserver')}events/"
    key = f"Bearer {settings.GATEWAY['API_KEY']}"
    asked = RequestFactory().head(address, headers={"Authorization": key})
    answer = EventsDoor.as_view()(asked, pk=UUID(address.split("/")[-3]))
    assert next(iter(answer.streaming_content), "over") == "over"
    assert places.taken == 0
