"""One small web process under many requests at once: some wait, others start, and none is in another's way."""

import os
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import httpx
import pytest

from tests.acceptance.scene import MINUTE, numbers
from tests.conftest import awake
from tests.harness.migrated import migrated
from tests.harness.postgres import Postgres
from tests.harness.product import API_KEY, Product, Web
from tests.harness.waiting import wait_until

MANY, FIFTY = 200, 50
AN_ORDER = {"order_id": "o-1", "user_id": "u-1", "lines": [{"sku": "lamp", "quantity": 1}], "amount": 100}
LATER = {"definition": "order", "input": AN_ORDER, "start_at": "2999-01-01T00:00:00Z"}
COME_AGAIN = {409}
"""What a start under a key is answered while the first one is at work; with Retry-After."""


@pytest.fixture(scope="module")
def web(_postgres: Postgres) -> Iterator[Web]:
    """One process, of 256 threads and ten database connections."""
    database = migrated(awake(_postgres), f"at_once{next(numbers)}")
    with Product(database_url=database, broker_url="memory://") as product:
        yield product.web(threads=256)


@pytest.fixture
def client(web: Web, postgres: Postgres) -> Iterator[httpx.Client]:
    limits = httpx.Limits(max_connections=2 * MANY)
    headers = {"Authorization": f"Bearer {API_KEY}"}
    with httpx.Client(base_url=web.url, headers=headers, timeout=120, limits=limits) as client:
        yield client


@pytest.mark.quiet  # each waits for a minute, and beside other work they are not all there by then
def test_two_hundred_requests_wait_and_others_are_answered(web: Web, client: httpx.Client) -> None:
    started = client.post("/api/v1/sagas/", json=LATER)
    assert started.status_code == 201, started.text
    address = f"/api/v1/sagas/{started.json()['id']}/"
    with ThreadPoolExecutor(MANY) as pool:
        waits = [pool.submit(client.get, address, params={"wait": 60}) for _ in range(MANY)]
        wait_until(lambda: threads_of(web.children()) > MANY, "all of them wait", MINUTE)
        assert client.get("/api/v1/sagas/").status_code == 200
        assert not any(wait.done() for wait in waits)
        assert client.post(f"{address}cancel/", json={"reason": "enough"}).status_code == 200
        assert {wait.result().json()["state"] for wait in waits} == {"cancelled"}


def test_fifty_starts_at_once_under_one_key_begin_one_saga_and_get_one_answer(client: httpx.Client) -> None:
    together, seen = Barrier(FIFTY), Counter[int]()

    def start(number: int) -> httpx.Response:
        together.wait()
        while True:
            answer = client.post("/api/v1/sagas/", json=LATER, headers={"Idempotency-Key": "one"})
            seen[answer.status_code] += 1
            if answer.status_code not in COME_AGAIN:
                return answer
            time.sleep(int(answer.headers["Retry-After"]))

    with ThreadPoolExecutor(FIFTY) as pool:
        answers = list(pool.map(start, range(FIFTY)))
    assert Counter(answer.status_code for answer in answers) == {201: 1, 200: FIFTY - 1}, seen
    first = answers[0].json()
    assert [answer.json() for answer in answers] == [first] * FIFTY
    replayed = [answer for answer in answers if answer.headers.get("Idempotent-Replayed") == "true"]
    assert len(replayed) == FIFTY - 1
    assert set(seen) <= {200, 201, *COME_AGAIN}, seen


def threads_of(processes) -> int:
    return sum(len(os.listdir(f"/proc/{pid}/task")) for pid in processes)
