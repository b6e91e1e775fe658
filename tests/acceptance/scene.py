"""A whole installation with the shop around it: what acceptance tests disturb, and how they look at it."""

import itertools
import json
import subprocess
from collections import Counter
from collections.abc import Sequence
from datetime import timedelta
from typing import Any, Self

import httpx
import psycopg
from psycopg.rows import dict_row

from examples.shop import ledgers
from examples.shop.client import Participants
from tests.harness.migrated import migrated
from tests.harness.postgres import Postgres
from tests.harness.processes import Process
from tests.harness.product import API_KEY, Product
from tests.harness.service import Service
from tests.harness.waiting import wait_until

MINUTE = timedelta(seconds=60)
ENDS = {"completed", "compensated", "cancelled", "failed"}

numbers = itertools.count(1)

# The liveness rule once more, in plain SQL and independent of the product's own query.
DEAD = """
SELECT id FROM sagas_saga s WHERE ended_at IS NULL AND paused_at IS NULL
 AND NOT EXISTS (SELECT FROM sagas_run r WHERE r.saga_id = s.id AND r.work IS NOT NULL
                 AND (r.at > now() - interval '15 s' OR r.work = 'due' AND r.rung_at > now() - interval '60 s'))
 AND NOT EXISTS (SELECT FROM sagas_incident i WHERE i.saga_id = s.id AND i.closed_at IS NULL)
"""

# What must not be found in any journal: a result recorded twice, or an end that is not the only one. (A child that
# completed may be undone by its parent.)
TWICE = """
SELECT saga_id, m->>'step' || '[' || (m->>'item') || ']' AS what FROM sagas_journal, jsonb_array_elements(moves) m
 WHERE m->>'did' = 'succeeded' GROUP BY 1, 2 HAVING count(*) > 1
UNION ALL
SELECT j.saga_id, 'end' FROM sagas_journal j JOIN sagas_saga s ON s.id = j.saga_id, jsonb_array_elements(moves) m
 WHERE m->>'saga' IN ('compensated', 'cancelled', 'failed') OR m->>'saga' = 'completed' AND s.parent_id IS NULL
 GROUP BY 1 HAVING count(*) > 1
"""


class Scene:
    """A product on its own database, its web server running, its workers still to be started.

    Leaving the scene looks at everything: nothing is lost, nothing counts twice, the ledgers agree, no saga is
    forgotten, no process is left.
    """

    def __init__(
        self, postgres: Postgres, broker: Service, shop: Participants, *, environment: dict[str, str] | None = None
    ) -> None:
        self.postgres, self.broker, self.shop = postgres, broker, shop
        serves = {"serves": environment["SERVES"]} if environment and "SERVES" in environment else {}
        self.database = migrated(postgres, f"scene{next(numbers)}", **serves)
        self.product = Product(database_url=self.database, broker_url=broker.url, environment=environment)
        self.started: list[str] = []
        self._connection: psycopg.Connection[dict[str, Any]] | None = None

    def __enter__(self) -> Self:
        self.product.__enter__()
        web = self.product.web(threads=8)
        services = {**self.shop.services, "notifications": {"url": web.url, "token": API_KEY}}
        self.product.environment |= {"SAGA_SERVICES": json.dumps(services), "PUBLIC_URL": web.url}
        self.api = httpx.Client(base_url=web.url, headers={"Authorization": f"Bearer {API_KEY}"}, timeout=120)
        return self

    def __exit__(self, kind: object, *rest: object) -> None:
        try:
            self.shop.clear()
            if kind is None:
                self.all_is_well()
            else:
                print(self.product.logs())  # noqa: T201 - shown by pytest with the failure
        finally:
            self.api.close()
            if self._connection is not None:
                self._connection.close()
            self.product.__exit__(kind, *rest)
        wait_until(lambda: self.left_running() == [], "every process of the product is gone")

    def worker(self, pool: str = "prefork", concurrency: int = 2, **options: Any) -> Process:
        """A worker for sagas and notifications."""
        return self.product.worker(pool=pool, concurrency=concurrency, **options)

    def order(self, number: int = 1, *, definition: str = "order", **changes: Any) -> list[str]:
        """Start so many orders over REST; returns their ids."""
        ids = []
        for _ in range(number):
            order_id = f"A{next(numbers)}"
            lines = [{"sku": "book", "quantity": 1}]
            given = {"order_id": order_id, "user_id": "alice", "lines": lines, "amount": 100, **changes}
            answer = self.api.post("/api/v1/sagas/", json={"definition": definition, "input": given})
            assert answer.status_code == 201, answer.text
            ids.append(answer.json()["id"])
        self.started += ids
        return ids

    def retry(self, saga_id: str) -> None:
        """Do what an operator does with a saga that waits."""
        self.api.post(f"/api/v1/sagas/{saga_id}/retry/", json={"reason": "a test"}).raise_for_status()

    def rows(self, sql: str, *parameters: Any) -> list[dict[str, Any]]:
        """Ask the product's database, over a connection that is opened anew when the last one is gone."""
        if self._connection is None or self._connection.broken:
            self._connection = psycopg.connect(self.database, row_factory=dict_row, autocommit=True)
        return list(self._connection.execute(sql, parameters).fetchall())

    def states(self, ids: Sequence[str] | None = None) -> Counter[str]:
        wanted = list(self.started if ids is None else ids)
        rows = self.rows("SELECT state FROM sagas_saga WHERE id = ANY(%s::uuid[])", wanted)
        return Counter(row["state"] for row in rows)

    def all_end(self, ids: Sequence[str] | None = None, within: timedelta = 2 * MINUTE) -> Counter[str]:
        """Wait until these sagas (or all) have ended; how they did."""
        wanted = self.started if ids is None else ids
        wait_until(lambda: sum(self.states(wanted)[end] for end in ENDS) == len(wanted), "all sagas end", within)
        return self.states(wanted)

    def moves(self, saga_id: str) -> list[dict[str, Any]]:
        """The saga's journal, move by move, each with its time and actor."""
        rows = self.rows("SELECT moves, actor, at FROM sagas_journal WHERE saga_id = %s ORDER BY rev", saga_id)
        return [{**move, "actor": row["actor"], "at": row["at"]} for row in rows for move in row["moves"]]

    def applied(self, service: str, saga_id: str) -> list[str]:
        """The kinds of the effects that a participant applied for a saga, in order."""
        entries = self.shop.ledger(service)["entries"]
        return [entry["kind"] for entry in entries if ledgers.saga_of(entry["action_key"]) == saga_id]

    def heard(self, service: str, saga_id: str) -> int:
        """How many calls with an effect a participant heard from a saga."""
        calls = self.shop.ledger(service)["calls"]
        return sum(call["method"] == "POST" and ledgers.saga_of(call["key"]) == saga_id for call in calls)

    def under_way(self) -> int:
        """How many steps are with a worker right now."""
        [row] = self.rows("SELECT count(*) AS n FROM sagas_run WHERE work = 'running'")
        return int(row["n"])

    def incidents(self) -> list[dict[str, Any]]:
        return self.rows("SELECT path, reason, sentence FROM sagas_incident")

    def all_is_well(self) -> None:
        """Every saga that was started is there, ended or alive; the ledgers agree; each result is recorded once."""
        assert sum(self.states().values()) == len(self.started)
        assert self.rows(DEAD) == []
        assert self.rows(TWICE) == []
        by_end = {
            end: [str(row["id"]) for row in self.rows("SELECT id FROM sagas_saga WHERE state = %s", end)]
            for end in ("completed", "compensated", "cancelled")
        }
        undone = by_end["compensated"] + by_end["cancelled"]
        assert ledgers.check(self.shop.urls, undone=undone, completed=by_end["completed"]) == []

    def left_running(self) -> list[str]:
        """The processes of this product that still run: each leads, or belongs to, a session of its own."""
        sessions = ",".join(str(process.pid) for process in self.product.processes)
        listing = subprocess.run(["ps", "-o", "args=", "--sid", sessions], capture_output=True, text=True)
        return [line for line in listing.stdout.splitlines() if line and "<defunct>" not in line]
