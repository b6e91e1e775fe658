"""Restate's server with its Python SDK: two worker processes behind granian, a server that speaks HTTP/2."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

import httpx

from benchmarks.crew import Crew, serving
from benchmarks.packages import npm_program, python_environment
from benchmarks.system import Stage, Worked
from benchmarks.systems.restate_server import RestateServer
from tests.harness.processes import free_port
from tests.harness.waiting import wait_until

WORKERS = 2
CONNECTIONS = 500
SERVER_VERSION = "1.7.12"


class Restate(Worked):
    name = "restate"
    title = "Restate, 2 processes"

    def prepare(self) -> None:
        self._programs = python_environment("restate")
        self._server = npm_program("restate", "@restatedev/restate-server", SERVER_VERSION, "restate-server")

    def settings(self) -> dict[str, object]:
        return {"workers": WORKERS, "served by": "granian", "requests at once": CONNECTIONS, "server": "its defaults"}

    @contextmanager
    def running(self) -> Iterator[Stage]:
        self.site.clear()
        port = free_port()
        command = [str(self._programs / "granian"), "benchmarks.programs.restate_order:app", "--interface", "asgi"]
        command += ["--workers", str(WORKERS), "--port", str(port), "--no-ws", "--log-level", "warning"]
        with serving(RestateServer(self._server)) as server:
            environment = {"INGRESS": server.url, "ADMIN": server.admin, "SERVER": str(self._server)}
            with Crew(self.name, {**environment, "CONNECTIONS": str(CONNECTIONS)}) as crew:
                workers = crew.worker(command)
                wait_until(lambda: _register(server, port), "Restate accepts the workers", timedelta(seconds=60))
                driver = crew.driver(str(self._programs / "python"), "benchmarks.programs.restate")
                yield Stage(driver=driver, workers=[workers], servers=[server.process])


def _register(server: RestateServer, port: int) -> bool:
    answer = httpx.post(f"{server.admin}/deployments", json={"uri": f"http://127.0.0.1:{port}"}, timeout=20)
    return answer.is_success
