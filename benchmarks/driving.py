"""The benchmark's side of the talk with a driver."""

import json
import socket
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks.work import Flow
from tests.harness.processes import Process
from tests.harness.product import REPOSITORY

ANSWER_WITHIN = 900.0
"""Seconds for one request; the slowest peer needs two minutes for the largest."""
READY_WITHIN = 60.0


class DriverFailed(Exception):
    """The driver could not do what it was asked for; the text is what it said."""


class Driven:
    """A driver in a process of its own. Leaving it as a context manager ends the process."""

    def __init__(self, name: str, command: Sequence[str], *, log: Path, environment: Mapping[str, str]) -> None:
        with socket.create_server(("127.0.0.1", 0)) as listening:
            port = {"BENCHMARK_PORT": str(listening.getsockname()[1])}
            self.process = Process(
                name, command, log=log, environment={**environment, **port}, working_folder=REPOSITORY
            )
            self._line = _accepted(listening, self.process)
        self._line.settimeout(ANSWER_WITHIN)
        self._talk = self._line.makefile("rw")

    def __enter__(self) -> "Driven":
        return self

    def __exit__(self, *exception: object) -> None:
        self._line.close()
        self.process.kill()

    def versions(self) -> dict[str, str]:
        """The versions of what takes part, by name."""
        return dict(self._ask(do="versions")["versions"])

    def burst(self, flow: Flow, count: int) -> float:
        """Begin so many while the workers work, and return the seconds until all had ended."""
        return float(self._ask(do="burst", flow=flow, count=count)["seconds"])

    def start(self, flow: Flow, count: int) -> None:
        """Only begin so many."""
        self._ask(do="start", flow=flow, count=count)

    def wait(self) -> float:
        """Return the seconds until all that was begun has ended."""
        return float(self._ask(do="wait")["seconds"])

    def singles(self, flow: Flow, count: int) -> list[float]:
        """One after the other, and the seconds that each took until its outcome was known."""
        return [float(taken) for taken in self._ask(do="singles", flow=flow, count=count)["latencies"]]

    def confirmed(self) -> int:
        """How many of all since the last call left behind everything that they must."""
        return int(self._ask(do="confirm")["confirmed"])

    def _ask(self, **request: object) -> dict[str, Any]:
        try:
            self._talk.write(json.dumps(request) + "\n")
            self._talk.flush()
            line = self._talk.readline()
        except OSError as error:
            raise DriverFailed(f"{self.process.name} does not answer: {error}.") from error
        if not line:
            raise DriverFailed(f"{self.process.name} has ended.\n{self.process.output()[-2000:]}")
        answer: dict[str, Any] = json.loads(line)
        if "error" in answer:
            raise DriverFailed(f"{self.process.name}: {answer['error']}")
        return answer


def _accepted(listening: socket.socket, process: Process) -> socket.socket:
    listening.settimeout(1)
    for _ in range(int(READY_WITHIN)):
        try:
            return listening.accept()[0]
        except TimeoutError:
            if not process.alive:
                break
    raise DriverFailed(f"{process.name} did not begin.\n{process.output()[-2000:]}")
