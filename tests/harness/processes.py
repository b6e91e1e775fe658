"""One operating system process in the hands of a test: started with a log, killed, frozen, and never left behind."""

import atexit
import os
import shutil
import signal
import socket
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from random import SystemRandom

from tests.harness.waiting import PATIENCE, wait_until

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # a shell in the background left it so, and it is inherited
    signal.signal(signal.SIGINT, signal.default_int_handler)

PORTS = range(11_000, 30_000)  # a browser refuses some of those below
_chance = SystemRandom()
_given: set[int] = set()

_started: list["Process"] = []
_folders: list[Path] = []


class Process:
    """A program that runs in a process group of its own; everything it prints goes to the file `log`.

    `user` is the name of the account to run as, for programs that refuse to be root.
    """

    def __init__(
        self,
        name: str,
        command: Sequence[str],
        *,
        log: Path,
        environment: Mapping[str, str] | None = None,
        user: str | None = None,
        working_folder: Path = Path("/"),
    ) -> None:
        self.name = name
        self.log = log
        with log.open("ab") as output:
            self._popen = subprocess.Popen(
                command,
                env=None if environment is None else dict(environment),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                user=user,
                group=user,
                extra_groups=None if user is None else [],
                cwd=working_folder,
            )
        self.pid = self._popen.pid
        _started.append(self)

    @property
    def alive(self) -> bool:
        """Whether the process has not ended."""
        return self._popen.poll() is None

    @property
    def exit_code(self) -> int | None:
        """What it ended with, negative for a signal; None while it runs."""
        return self._popen.poll()

    def output(self) -> str:
        """Return all it has printed so far."""
        return self.log.read_text(errors="replace")

    def children(self) -> list[int]:
        """Return the process ids below it, parents before children: the prefork pool, the backends of a database."""
        return _descendants(self.pid)

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to this process alone."""
        self._popen.send_signal(number)

    def kill(self) -> None:
        """End it and everything below it with SIGKILL, and wait until it is gone."""
        _signal_all([self.pid, *self.children()], signal.SIGKILL)
        self._end_group()
        self._popen.wait()

    def kill_alone(self) -> None:
        """End only this process with SIGKILL, as the out-of-memory killer would; its children live on."""
        self._popen.kill()
        self._popen.wait()

    def stop(self, within: timedelta = PATIENCE) -> int:
        """Ask it to end with SIGTERM, wait, and return its exit code; whatever remains then is killed.

        Raises AssertionError when it does not end in time.
        """
        self.signal(signal.SIGTERM)
        try:
            return self.wait(within)
        finally:
            self.kill()

    def wait(self, within: timedelta = PATIENCE) -> int:
        """Wait for it to end and return its exit code; raise AssertionError when it does not."""
        try:
            return self._popen.wait(within.total_seconds())
        except subprocess.TimeoutExpired:
            raise AssertionError(f"{self.name} did not end within {within}.\n{self.output()[-4000:]}") from None

    def freeze(self) -> None:
        """Halt it and everything below it with SIGSTOP: sockets stay open, nothing answers."""
        _signal_all([self.pid], signal.SIGSTOP)  # first, so that it begets no more
        _signal_all(self.children(), signal.SIGSTOP)

    def thaw(self) -> None:
        """Let a frozen one go on."""
        _signal_all([*reversed(self.children()), self.pid], signal.SIGCONT)

    def wait_until_it_says(self, text: str, within: timedelta = PATIENCE) -> None:
        """Wait until `text` stands in its log; raise AssertionError with the log's end when it dies or stays silent."""

        def said() -> bool:
            return text in self.output() or not self.alive

        try:
            wait_until(said, f"{self.name} says {text!r}", within)
        except AssertionError as error:
            raise AssertionError(f"{error}\n{self.output()[-4000:]}") from None
        if text not in self.output():
            raise AssertionError(f"{self.name} ended with {self.exit_code}.\n{self.output()[-4000:]}")

    def _end_group(self) -> None:
        with suppress(ProcessLookupError):  # nobody left
            os.killpg(self.pid, signal.SIGKILL)


def free_port() -> int:
    """Return a TCP port that nobody listens on right now, and that was not returned before.

    It is below those that systems give to outgoing calls: one of these is lost to a server that is down for a while.
    """
    while True:
        port = _chance.choice(PORTS)
        with suppress(OSError), socket.create_server(("127.0.0.1", port)):
            if port not in _given:
                _given.add(port)
                return port


def folder(name: str, *, owner: str | None = None) -> Path:
    """Make a folder that is deleted when the test run ends; `owner` may be another account, which can reach it."""
    made = Path(tempfile.mkdtemp(prefix=f"orchestrator-{name}-"))
    if owner is not None:
        shutil.chown(made, user=owner)
    _folders.append(made)
    return made


def _descendants(pid: int) -> list[int]:
    listing = subprocess.run(["ps", "-A", "-o", "pid=,ppid="], check=True, capture_output=True, text=True).stdout
    below: dict[int, list[int]] = {}
    for line in listing.splitlines():
        child, parent = map(int, line.split())
        below.setdefault(parent, []).append(child)
    found, generation = [], [pid]
    while generation:
        generation = [child for parent in generation for child in below.get(parent, [])]
        found += generation
    return found


def _signal_all(pids: Sequence[int], number: signal.Signals) -> None:
    for pid in pids:
        with suppress(ProcessLookupError):  # it ended meanwhile
            os.kill(pid, number)


@atexit.register
def leave_nothing_behind() -> None:
    """Kill every process and delete every folder of this test run; conftest makes SIGTERM come through here, too."""
    for process in reversed(_started):
        process.kill()
    _started.clear()
    for made in _folders:
        shutil.rmtree(made, ignore_errors=True)
    _folders.clear()
