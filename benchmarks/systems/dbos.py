"""DBOS on the benchmark's PostgreSQL: two worker processes that poll its queue.

Its poll is set to 50 milliseconds, where the default of a second would cost it most of its rate. One at a time is the
workflow called directly in the caller's process, without the queue: the fastest way that DBOS has.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from benchmarks.crew import Crew
from benchmarks.packages import python_environment
from benchmarks.system import Stage, Worked

WORKERS = 2
POLLING = "0.05"
CONCURRENCY = "0"
"""Workflows at once in a worker process; 0 without a bound."""


class Dbos(Worked):
    name = "dbos"
    title = "DBOS on PostgreSQL, 2 processes"
    database: str = "dbos"

    def prepare(self) -> None:
        self._programs = python_environment("dbos")
        self.site.postgres.create_database(self.database)

    def settings(self) -> dict[str, object]:
        return {
            "workers": WORKERS,
            "polling_interval_sec": float(POLLING),
            "worker_concurrency": int(CONCURRENCY) or None,
            "one at a time": "called directly, without the queue",
        }

    @contextmanager
    def running(self) -> Iterator[Stage]:
        self.site.clear()
        python = str(self._programs / "python")
        environment = {
            "DATABASE_URL": self.site.postgres.database_url(self.database),
            "POLLING": POLLING,
            "CONCURRENCY": CONCURRENCY,
        }
        with Crew(self.name, environment) as crew:
            command = [python, "-m", "benchmarks.programs.dbos_worker"]
            workers = [crew.worker(command, says="ready") for _ in range(WORKERS)]
            driver = crew.driver(python, "benchmarks.programs.dbos")
            yield Stage(driver=driver, workers=workers, servers=[self.site.postgres.process])
