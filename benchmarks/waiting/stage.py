"""An installation whose sagas wait for the slow participant: workers come and go, the database stays."""

import itertools
import json
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from datetime import timedelta
from typing import Any

import psycopg

from benchmarks import processor
from benchmarks.site import Site
from benchmarks.waiting.pools import Pool
from benchmarks.waiting.slow import Slow
from benchmarks.waiting.watch import APPLICATION
from tests.harness.processes import Process
from tests.harness.product import Product
from tests.harness.waiting import wait_until

CONNECTIONS = 10
"""DATABASE_POOL: what one process may hold."""
LONG = timedelta(minutes=5)
_numbers = itertools.count(1)

LIVE = "SELECT count(*) FROM sagas_saga WHERE ended_at IS NULL"
COMPLETED = "SELECT count(*) FROM sagas_saga WHERE state = 'completed'"
TRIED_AGAIN = "SELECT count(*) FROM sagas_run WHERE tries > 1"
RECORDED_TWICE = """
    SELECT count(*) FROM (
        SELECT FROM sagas_journal, jsonb_array_elements(moves) move WHERE move->>'did' = 'succeeded'
        GROUP BY saga_id, move->>'step', move->>'item' HAVING count(*) > 1
    ) AS twice
"""


class Stage:
    """Its own database, with the workers of one pool."""

    def __init__(self, site: Site, pool: Pool) -> None:
        self.site, self.pool = site, pool
        self.database = f"waiting{next(_numbers)}"
        self.workers: list[Process] = []
        self._line: psycopg.Connection | None = None
        self._stack = ExitStack()

    def __enter__(self) -> "Stage":
        self.site.clear()
        with ExitStack() as stack:
            url = self.site.postgres.create_database(self.database)
            own = {"APPS": "benchmarks.waiting", "SHOP": "0", "DATABASE_POOL": str(CONNECTIONS)}
            product = Product(database_url=url, broker_url=self.site.redis.url, environment=own)
            self.product = stack.enter_context(product)
            self.slow = stack.enter_context(Slow(product.folder / "participant.log"))
            product.environment["SAGA_SERVICES"] = json.dumps({"slow": {"url": self.slow.url}})
            product.manage("migrate", "--verbosity", "0")
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *error: object) -> None:
        if self._line is not None:
            self._line.close()
        self._stack.close()

    def work(self) -> None:
        """Start the workers."""
        pool, url = self.pool, self.site.postgres.database_url(self.database)
        environment = {**pool.environment, "DATABASE_URL": f"{url}?application_name={APPLICATION}"}
        self.workers += [
            self.product.worker(pool=pool.kind, concurrency=pool.concurrency, environment=environment)
            for _ in range(pool.workers)
        ]

    def begin(self, sagas: int) -> None:
        """Begin so many sagas."""
        process = self.product.start("start", [sys.executable, "-m", "benchmarks.waiting.start", str(sagas)])
        code = process.wait(LONG)
        if code:
            raise RuntimeError(f"The sagas could not be started.\n{process.output()[-2000:]}")

    def all_end(self) -> None:
        """Return when no saga is live."""
        wait_until(lambda: self.number(LIVE) == 0, f"all sagas end with {self.pool.name}", LONG)

    def wait_until_inside(self, calls: int) -> None:
        """Return when so many calls are at the participant."""
        wait_until(lambda: self.slow.seen().inside >= calls, f"{calls} calls in flight with {self.pool.name}", LONG)

    @contextmanager
    def frozen(self) -> Iterator[None]:
        """The workers are halted meanwhile."""
        for worker in self.workers:
            worker.freeze()
        yield
        for worker in self.workers:
            worker.thaw()

    @property
    def pids(self) -> Sequence[int]:
        return [worker.pid for worker in self.workers]

    @property
    def memory(self) -> int:
        return processor.memory(self.pids)

    def number(self, query: str) -> int:
        """What a question with one number as the answer gives."""
        if self._line is None or self._line.broken:
            url = self.site.postgres.database_url(self.database)
            self._line = psycopg.connect(url, autocommit=True, connect_timeout=2)
        row: Any = self._line.execute(query).fetchone()
        return int(row[0])

    def complaints(self) -> list[str]:
        """The lines in the workers' logs that speak of trouble."""
        lines = (line for worker in self.workers for line in worker.output().splitlines())
        return [line for line in lines if any(word in line for word in ("ERROR", "Traceback", "Error:", "get a conn"))]
