"""Temporal's development server with its Python SDK: two worker processes. A cluster would be another matter."""

from collections.abc import Iterator
from contextlib import contextmanager

from benchmarks.crew import Crew, serving
from benchmarks.packages import python_environment
from benchmarks.system import Stage, Worked
from benchmarks.systems.temporal_server import TemporalServer

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
        program, python = self._programs / "temporal", str(self._programs / "python")
        with (
            serving(TemporalServer(program)) as server,
            Crew(self.name, {"SERVER": server.url, "PROGRAM": str(program)}) as crew,
        ):
            command = [python, "-m", "benchmarks.programs.temporal_worker"]
            workers = [crew.worker(command, says="ready") for _ in range(WORKERS)]
            driver = crew.driver(python, "benchmarks.programs.temporal")
            yield Stage(driver=driver, workers=workers, servers=[server.process])
