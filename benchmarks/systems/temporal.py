"""Temporal's development server with its Python SDK: two worker processes. A cluster would be another matter."""

import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from benchmarks.driving import Driven
from benchmarks.packages import python_environment
from benchmarks.system import Stage, Worked
from benchmarks.systems.temporal_server import TemporalServer
from tests.harness.processes import Process, folder
from tests.harness.product import REPOSITORY

WORKERS = 2


class Temporal(Worked):
    name = "temporal"
    title = "Temporal's development server, 2 processes"
    at_most = 300

    def prepare(self) -> None:
        self._programs = python_environment("temporal")

    def settings(self) -> dict[str, object]:
        return {
            "workers": WORKERS,
            "store": "a SQLite file, journal_mode=wal, synchronous=full",
            "sandbox": False,
            "sagas at once": f"at most {self.at_most}",
        }

    @contextmanager
    def running(self) -> Iterator[Stage]:
        self.site.clear()
        logs = folder("temporal-workers")
        python = str(self._programs / "python")
        with ExitStack() as stack:
            server = TemporalServer(self._programs / "temporal")
            server.start()
            stack.callback(server.kill)
            environment = {
                "PATH": os.environ["PATH"],
                "PYTHONPATH": str(REPOSITORY),
                "SERVER": server.url,
                "PROGRAM": str(self._programs / "temporal"),
            }
            workers = []
            for number in range(WORKERS):
                worker = Process(
                    "a Temporal worker",
                    [python, "-m", "benchmarks.programs.temporal_worker"],
                    log=logs / f"worker{number}.log",
                    environment=environment,
                    working_folder=REPOSITORY,
                )
                stack.callback(worker.kill)
                worker.wait_until_it_says("ready")
                workers.append(worker)
            driver = Driven(
                "the driver of Temporal",
                [python, "-m", "benchmarks.programs.temporal"],
                log=logs / "driver.log",
                environment=environment,
            )
            yield Stage(driver=stack.enter_context(driver), workers=workers, servers=[server.process])
