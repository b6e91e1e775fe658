"""The processes of one system: started in the repository's folder with one environment, ended together."""

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from types import TracebackType
from typing import TypeVar

from benchmarks.driving import Driven
from tests.harness.processes import Process, folder
from tests.harness.product import REPOSITORY
from tests.harness.service import Service

AnyService = TypeVar("AnyService", bound=Service)


class Crew:
    """Use it as a context manager: leaving it ends all of them, the last one first."""

    def __init__(self, name: str, environment: Mapping[str, str]) -> None:
        self._name = name
        self._logs = folder(name)
        self._environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(REPOSITORY), **environment}
        self._stack = ExitStack()

    def __enter__(self) -> "Crew":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()

    def worker(self, command: Sequence[str], *, says: str = "") -> Process:
        """Start a worker process, and wait until it `says` that it is ready, if it does."""
        number = len(list(self._logs.iterdir()))
        worker = Process(
            f"a worker of {self._name}",
            command,
            log=self._logs / f"worker{number}.log",
            environment=self._environment,
            working_folder=REPOSITORY,
        )
        self._stack.callback(worker.kill)
        if says:
            worker.wait_until_it_says(says)
        return worker

    def driver(self, python: str, module: str) -> Driven:
        """Start the driver."""
        log = self._logs / "driver.log"
        driver = Driven(f"the driver of {self._name}", [python, "-m", module], log=log, environment=self._environment)
        return self._stack.enter_context(driver)


@contextmanager
def serving(server: AnyService) -> Iterator[AnyService]:
    """A peer's server, as long as it is needed."""
    server.start()
    try:
        yield server
    finally:
        server.kill()
