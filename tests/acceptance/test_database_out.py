"""The database goes away under a web process: it says so at once, and goes on by itself when it is back."""

import time
from datetime import timedelta

import httpx

from tests.acceptance.scene import MINUTE
from tests.harness.migrated import migrated
from tests.harness.postgres import Postgres
from tests.harness.product import API_KEY, Product
from tests.harness.waiting import wait_until

AT_ONCE = timedelta(seconds=2)
AN_ORDER = {"order_id": "o-1", "user_id": "u-1", "lines": [{"sku": "lamp", "quantity": 1}], "amount": 100}
LATER = {"definition": "order", "input": AN_ORDER, "start_at": "2999-01-01T00:00:00Z"}


def test_the_api_says_at_once_that_the_database_is_away_and_the_same_process_goes_on(postgres: Postgres) -> None:
    database = migrated(postgres, "database_out")
    with Product(database_url=database, broker_url="memory://") as product:
        web = product.web(threads=16)
        headers = {"Authorization": f"Bearer {API_KEY}"}
        with httpx.Client(base_url=web.url, headers=headers, timeout=60) as client:
            assert client.post("/api/v1/sagas/", json=LATER).status_code == 201
            processes = web.children()
            postgres.kill()

            def refused(*request: str) -> float | None:
                """How long a 503 in our form took; None for any other answer, while the pool finds out."""
                began = time.monotonic()
                answer = client.request(*request, json=LATER if request[0] == "POST" else None)
                took = time.monotonic() - began
                if answer.status_code != 503:
                    return None
                assert answer.headers["Content-Type"] == "application/problem+json"
                assert (answer.json()["code"], int(answer.headers["Retry-After"]) > 0) == ("database_unavailable", True)
                return took

            # The quickest of some counts: a machine that is busy elsewhere may hold any one of them up.
            for request in (("GET", "/api/v1/sagas/"), ("POST", "/api/v1/sagas/")):
                wait_until(
                    lambda request=request: (took := refused(*request)) is not None and took < AT_ONCE.total_seconds(),
                    f"{request} is refused within {AT_ONCE}",
                    MINUTE,
                )
            assert client.get("/livez").status_code == 200
            assert client.get("/readyz").status_code == 503
            postgres.start()
            wait_until(lambda: client.post("/api/v1/sagas/", json=LATER).status_code == 201, "it goes on", MINUTE)
            assert len(client.get("/api/v1/sagas/").json()["results"]) >= 2
            assert web.children() == processes, "no process was started anew"
