"""What PostgreSQL, Redis and RabbitMQ have in common when a test owns them."""

import os
import pwd
import shutil
from abc import ABC, abstractmethod
from datetime import timedelta
from pathlib import Path

from tests.harness.processes import Process
from tests.harness.waiting import TooLate, wait_until

READY_WITHIN = timedelta(seconds=120)


class NotInstalled(Exception):
    """A service's programs are not on this machine."""


class Service(ABC):
    """A server on a free port with a data folder of its own. `url` is its address, in the form that settings take."""

    name: str
    url: str

    def __init__(self) -> None:
        self._process: Process | None = None

    @property
    def process(self) -> Process:
        """The server's process; raises RuntimeError when it is not running."""
        if self._process is None:
            raise RuntimeError(f"{self.name} is not running; call start() first.")
        return self._process

    @property
    def running(self) -> bool:
        """Whether the server's process lives, frozen or not."""
        return self._process is not None and self._process.alive

    def start(self) -> None:
        """Start it and wait until it answers; nothing happens when it runs already."""
        if self.running:
            return
        self._process = self._launch()
        try:
            wait_until(self._answers_or_died, f"{self.name} answers", READY_WITHIN)
        except TooLate as error:
            raise RuntimeError(f"{error}\n{self.process.output()[-4000:]}") from error
        if not self.process.alive:
            raise RuntimeError(f"{self.name} ended at its start.\n{self.process.output()[-4000:]}")

    def stop(self) -> None:
        """Shut it down in good order."""
        if self.running:
            self.process.stop()
        self._process = None

    def kill(self) -> None:
        """End it at once with SIGKILL; what it had not made durable is lost."""
        if self.running:
            self.process.kill()
        self._process = None

    def restart(self) -> None:
        """Kill it and start it again on the same port and data, and wait until it answers."""
        self.kill()
        self.start()

    def freeze(self) -> None:
        """Halt it: connections stay open and nothing answers."""
        self.process.freeze()

    def thaw(self) -> None:
        """Let it go on after `freeze`."""
        self.process.thaw()

    @abstractmethod
    def _launch(self) -> Process:
        """Start the server's process and return it without waiting."""

    @abstractmethod
    def _answers(self) -> bool:
        """Tell whether the server answers a client; may raise while it does not."""

    def _answers_or_died(self) -> bool:
        return not self.process.alive or self._answers()


def program(name: str, *folders: Path) -> str:
    """Return the path of a program from these folders or the PATH; raise `NotInstalled` when it is in neither."""
    places = os.pathsep.join([*map(str, folders), os.environ.get("PATH", ""), "/usr/sbin", "/usr/local/sbin"])
    found = shutil.which(name, path=places)
    if found is None:
        raise NotInstalled(f"{name} is not installed; `make test` installs it on Debian when run as root.")
    return found


def unprivileged_user() -> str | None:
    """Return an account for programs that refuse to run as root; None when we are not root ourselves."""
    if os.geteuid() != 0:
        return None
    accounts = {entry.pw_name for entry in pwd.getpwall()}
    return next(name for name in ("postgres", "nobody") if name in accounts)
