"""Temporal's development server, with a SQLite file that is fsynced at every commit."""

import os
import socket
from pathlib import Path

from tests.harness.processes import Process, folder, free_port
from tests.harness.service import Service


class TemporalServer(Service):
    """`url` is where its clients connect, without a scheme."""

    name = "Temporal"

    def __init__(self, program: Path) -> None:
        super().__init__()
        self._program = program
        self._folder = folder("temporal")
        self._port = free_port()
        self.url = f"127.0.0.1:{self._port}"

    def _launch(self) -> Process:
        command = [str(self._program), "server", "start-dev", "--headless", "--log-level", "error"]
        command += ["--port", str(self._port), "--db-filename", str(self._folder / "temporal.sqlite")]
        command += ["--sqlite-pragma", "journal_mode=wal", "--sqlite-pragma", "synchronous=full"]
        environment = {"PATH": os.environ["PATH"], "HOME": str(self._folder)}
        return Process(
            self.name, command, log=self._folder / "log", environment=environment, working_folder=self._folder
        )

    def _answers(self) -> bool:
        with socket.create_connection(("127.0.0.1", self._port), timeout=2):
            return True
