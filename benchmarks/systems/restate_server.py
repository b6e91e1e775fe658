"""Restate's server: one node with a log and a store of its own, both fsynced as it comes."""

import os
from pathlib import Path

import httpx

from tests.harness.processes import Process, folder, free_port
from tests.harness.service import Service


class RestateServer(Service):
    """`url` is its ingress, `admin` where deployments are registered and journals are read."""

    name = "Restate"

    def __init__(self, program: Path) -> None:
        super().__init__()
        self._program = program
        self._folder = folder("restate")
        self._addresses = {name: f"127.0.0.1:{free_port()}" for name in ("INGRESS", "ADMIN", "NODE")}
        self.url = f"http://{self._addresses['INGRESS']}"
        self.admin = f"http://{self._addresses['ADMIN']}"

    def _launch(self) -> Process:
        environment = {
            "PATH": os.environ["PATH"],
            "RESTATE_INGRESS__BIND_ADDRESS": self._addresses["INGRESS"],
            "RESTATE_ADMIN__BIND_ADDRESS": self._addresses["ADMIN"],
            "RESTATE_BIND_ADDRESS": self._addresses["NODE"],
            "RESTATE_LOG_FILTER": "warn",
            "RESTATE_DISABLE_TELEMETRY": "true",
        }
        command = [str(self._program), "--listen-mode", "tcp", "--base-dir", str(self._folder / "data"), "--no-logo"]
        return Process(
            self.name,
            [*command, "--node-name", "benchmark"],
            log=self._folder / "log",
            environment=environment,
            working_folder=self._folder,
        )

    def _answers(self) -> bool:
        return httpx.get(f"{self.admin}/health", timeout=2).is_success
