"""A bare Celery chain on Redis: what Celery does without any durability, two prefork processes."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.driving import Driven
from benchmarks.system import Stage, Worked
from tests.harness.processes import Process, folder
from tests.harness.product import PROGRAMS, REPOSITORY

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
        logs = folder("chain")
        environment = {"PATH": os.environ["PATH"], "BROKER_URL": self.site.redis.url, "PYTHONPATH": str(REPOSITORY)}
        worker = self._worker(logs, environment)
        try:
            with Driven(
                "the chain's driver",
                [sys.executable, "-m", "benchmarks.programs.chain"],
                log=logs / "driver.log",
                environment=environment,
            ) as driver:
                yield Stage(driver=driver, workers=[worker], servers=[self.site.redis.process])
        finally:
            worker.kill()

    def _worker(self, logs: Path, environment: dict[str, str]) -> Process:
        command = [str(PROGRAMS / "celery"), "-A", TASKS, "worker", "--pool", "prefork", "--concurrency", "2"]
        command += ["--loglevel", "WARNING", "--without-gossip", "--without-mingle", "--without-heartbeat"]
        worker = Process(
            "the chain's worker", command, log=logs / "worker.log", environment=environment, working_folder=REPOSITORY
        )
        worker.wait_until_it_says("[queues]")
        return worker
