"""A RabbitMQ server that belongs to the tests, with a port mapper (epmd) of its own."""

import os
from pathlib import Path

from kombu import Connection

from tests.harness.processes import Process, folder, free_port
from tests.harness.service import Service, program


class RabbitMQ(Service):
    """RabbitMQ on a free port, without plugins, apart from any other node on this machine."""

    name = "RabbitMQ"

    def __init__(self) -> None:
        super().__init__()
        # Debian's command on the PATH changes the account and the environment; the one below it does not.
        self._program = program("rabbitmq-server", Path("/usr/lib/rabbitmq/bin"))
        self._epmd_program = program("epmd")
        self._folder = folder("rabbitmq")
        self._epmd: Process | None = None
        self._epmd_port = free_port()
        self.port = free_port()
        self.url = f"amqp://guest:guest@127.0.0.1:{self.port}//"

    def kill(self) -> None:
        """End the node and its port mapper with SIGKILL."""
        super().kill()
        self._end_epmd()

    def stop(self) -> None:
        """Shut the node down in good order, then end its port mapper."""
        super().stop()
        self._end_epmd()

    def _end_epmd(self) -> None:
        if self._epmd is not None:
            self._epmd.kill()
        self._epmd = None

    def _launch(self) -> Process:
        environment = self._environment()
        if self._epmd is None:
            command = [self._epmd_program, "-address", "127.0.0.1", "-port", str(self._epmd_port)]
            self._epmd = Process("epmd", command, log=self._folder / "epmd.log", environment=environment)
        return Process(self.name, [self._program], log=self._folder / "log", environment=environment)

    def _environment(self) -> dict[str, str]:
        here = self._folder
        (here / "plugins").write_text("[].\n")
        (here / "rabbitmq.conf").write_text(
            f"listeners.tcp.1 = 127.0.0.1:{self.port}\n"
            "disk_free_limit.absolute = 1MB\n"
            "log.console = true\n"
            "log.console.level = warning\n"
        )
        return {
            "PATH": f"{os.environ.get('PATH', '')}:/usr/sbin",
            "HOME": str(here),
            "LANG": "C.UTF-8",
            "ERL_EPMD_PORT": str(self._epmd_port),
            "ERL_EPMD_ADDRESS": "127.0.0.1",
            "RABBITMQ_NODENAME": f"tests{self.port}@localhost",
            "RABBITMQ_NODE_PORT": str(self.port),
            "RABBITMQ_DIST_PORT": str(free_port()),
            "RABBITMQ_CONFIG_FILE": str(here / "rabbitmq.conf"),
            "RABBITMQ_CONF_ENV_FILE": str(here / "none"),
            "RABBITMQ_MNESIA_BASE": str(here / "mnesia"),
            "RABBITMQ_LOG_BASE": str(here / "logs"),
            "RABBITMQ_LOGS": "-",
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(here / "plugins"),
            "RABBITMQ_PID_FILE": str(here / "pid"),
            "RUNNING_UNDER_SYSTEMD": "true",  # the script then becomes the server instead of guarding it
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "+S 1:1 +sbwt none +sbwtdcpu none +sbwtdio none",
        }

    def _answers(self) -> bool:
        with Connection(self.url, connect_timeout=10) as connection:
            connection.connect()
            return bool(connection.connected)
