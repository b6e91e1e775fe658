"""A Redis server that belongs to the tests."""

import redis

from tests.harness.processes import Process, folder, free_port
from tests.harness.service import Service, program


class Redis(Service):
    """Redis on a free port that keeps nothing on disk: killed, it has forgotten everything."""

    name = "Redis"

    def __init__(self) -> None:
        super().__init__()
        self._program = program("redis-server")
        self._folder = folder("redis")
        self.port = free_port()
        self.url = f"redis://127.0.0.1:{self.port}/0"

    def flush(self) -> None:
        """Empty it, as somebody with FLUSHALL would: every message is lost."""
        with redis.Redis.from_url(self.url) as client:
            client.flushall()

    def _launch(self) -> Process:
        command = [
            self._program,
            "--port",
            str(self.port),
            "--bind",
            "127.0.0.1",
            "--save",
            "",
            "--dir",
            str(self._folder),
        ]
        return Process(self.name, command, log=self._folder / "log")

    def _answers(self) -> bool:
        with redis.Redis.from_url(self.url, socket_timeout=10, socket_connect_timeout=10) as client:
            return bool(client.ping())
