"""A bare Celery chain on Redis: what Celery does without any durability, two prefork processes."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager

from benchmarks.crew import Crew
from benchmarks.system import Stage, Worked
from tests.harness.product import PROGRAMS

TASKS = "benchmarks.programs.chain_tasks"


class Chain(Worked):
    name = "chain"
    title = "bare Celery chain on Redis, prefork 2 (not durable)"

    def prepare(self) -> None:
        """It is of our own packages."""

    def settings(self) -> dict[str, object]:
        return {"pool": "prefork", "concurrency": 2, "results": "Redis", "durable": False}

    @contextmanager
    def running(self) -> Iterator[Stage]:
        self.site.clear()
        command = [str(PROGRAMS / "celery"), "-A", TASKS, "worker", "--pool", "prefork", "--concurrency", "2"]
        command += ["--loglevel", "WARNING", "--without-gossip", "--without-mingle", "--without-heartbeat"]
        with Crew(self.name, {"BROKER_URL": self.site.redis.url}) as crew:
            worker = crew.worker(command, says="[queues]")
            driver = crew.driver(sys.executable, "benchmarks.programs.chain")
            yield Stage(driver=driver, workers=[worker], servers=[self.site.redis.process])
