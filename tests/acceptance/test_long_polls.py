"""Two hundred requests wait in one small web process, and others do not notice."""

import os
from concurrent.futures import ThreadPoolExecutor

import httpx

from tests.acceptance.scene import MINUTE
from tests.harness.postgres import Postgres
from tests.harness.product import API_KEY, Product
from tests.harness.waiting import wait_until

MANY = 200
AN_ORDER = {"order_id": "o-1", "user_id": "u-1", "lines": [{"sku": "lamp", "quantity": 1}], "amount": 100}


def test_two_hundred_requests_wait_and_others_are_answered(postgres: Postgres):
    database = postgres.create_database("long_polls")
    with Product(database_url=database, broker_url="memory://") as product:
        product.manage("migrate", "--verbosity", "0")
        web = product.web(threads=256)
        limits = httpx.Limits(max_connections=2 * MANY)
        headers = {"Authorization": f"Bearer {API_KEY}"}
        with httpx.Client(base_url=web.url, headers=headers, timeout=120, limits=limits) as client:
            body = {"definition": "order", "input": AN_ORDER, "start_at": "2999-01-01T00:00:00Z"}
            started = client.post("/api/v1/sagas/", json=body)
            assert started.status_code == 201, started.text
            address = f"/api/v1/sagas/{started.json()['id']}/"
            with ThreadPoolExecutor(MANY) as pool:
                waits = [pool.submit(client.get, address, params={"wait": 60}) for _ in range(MANY)]
                wait_until(lambda: threads_of(web.children()) > MANY, "all of them wait", MINUTE)
                assert client.get("/api/v1/sagas/").status_code == 200
                assert not any(wait.done() for wait in waits)
                assert client.post(f"{address}cancel/", json={"reason": "enough"}).status_code == 200
                assert {wait.result().json()["state"] for wait in waits} == {"cancelled"}


def threads_of(processes) -> int:
    return sum(len(os.listdir(f"/proc/{pid}/task")) for pid in processes)
