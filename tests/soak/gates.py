"""The proxy as the soak sees it: started with a gate for each service, and told what to do."""

import json
import socket
import sys
import threading
from collections.abc import Mapping
from pathlib import Path

from tests.harness.processes import Process, free_port
from tests.harness.product import REPOSITORY


class Gates:
    """A proxy in a process of its own; `port(name)` is where the product finds the service of that name."""

    def __init__(self, services: Mapping[str, int], log: Path) -> None:
        self._control = free_port()
        self._ports = {name: free_port() for name in services}
        self._asking = threading.Lock()
        parts = [f"{name}:{self._ports[name]}:{port}" for name, port in services.items()]
        command = [sys.executable, "-m", "tests.soak.proxy", str(self._control), *parts]
        self.process = Process("proxy", command, log=log, working_folder=REPOSITORY)
        self.process.wait_until_it_says("the gates are open")

    def port(self, name: str) -> int:
        """Where the gate of that service listens."""
        return self._ports[name]

    def tell(self, name: str, what: str = "", **how: float) -> dict[str, int]:
        """Let a gate do something, or nothing; what it has cut so far."""
        asked = {"gate": name, **({"do": what} if what else {}), **how}
        with self._asking, socket.create_connection(("127.0.0.1", self._control), timeout=30) as line:
            line.sendall(json.dumps(asked).encode() + b"\n")
            answer = line.makefile().readline()
        if not answer:
            raise RuntimeError(f"The proxy did not do {asked}.\n{self.process.output()[-2000:]}")
        return dict(json.loads(answer))

    def open_all(self) -> None:
        """All is well again, everywhere."""
        for name in self._ports:
            self.tell(name, "open")

    def stop(self) -> None:
        """End the proxy."""
        self.process.kill()
