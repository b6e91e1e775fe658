"""Starts again what died, as honcho or systemd would, and lends a process to whoever wants to disturb it."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from random import Random

from tests.harness.processes import Process

LOOK_EVERY = 0.3
Launch = Callable[[], Process]


class Member:
    """A place in the installation that a process is to fill; `launch` starts one for it, `usual` did at first."""

    def __init__(self, name: str, role: str, launch: Launch) -> None:
        self.name, self.role, self.launch, self.usual = name, role, launch, launch
        self.process = launch()
        self.wanted = True
        self.starts = 1

    def begin(self) -> None:
        """Fill the place anew."""
        self.process = self.launch()
        self.starts += 1
        self.wanted = True

    def replace(self, launch: Launch | None = None) -> float:
        """Stop the process in good order and start another, of a new kind if one is given; how long the stop took."""
        self.launch = launch or self.launch
        self.wanted = False
        began = time.monotonic()
        with suppress(AssertionError):  # it did not end in time and was killed, as a supervisor would
            self.process.stop()
        took = time.monotonic() - began
        self.begin()
        return took


class Supervisor:
    """The members, and a thread that looks after them."""

    def __init__(self) -> None:
        self.members: list[Member] = []
        self._lent: set[str] = set()
        self._free = threading.Condition()
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._look, name="supervisor", daemon=True)

    def add(self, name: str, role: str, launch: Launch) -> Member:
        """Fill a place, and keep it filled."""
        member = Member(name, role, launch)
        self.members.append(member)
        return member

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Start nothing any more."""
        self._ending.set()
        self._thread.join()

    def of(self, role: str) -> list[Member]:
        """The members of a role: web, prefork, threads, beat; or of any that begins so."""
        return [member for member in self.members if member.role.startswith(role)]

    @property
    def restarts(self) -> int:
        return sum(member.starts - 1 for member in self.members)

    @contextmanager
    def lent(self, role: str, chance: Random, *, name: str = "") -> Iterator[Member]:
        """One of the role, or that one of a name, that nobody else disturbs meanwhile."""
        with self._free:
            self._free.wait_for(lambda: self._idle(role, name))
            member = chance.choice(self._idle(role, name))
            self._lent.add(member.name)
        try:
            yield member
        finally:
            with self._free:
                self._lent.discard(member.name)
                self._free.notify_all()

    def _idle(self, role: str, name: str) -> list[Member]:
        return [member for member in self.of(role) if member.name not in self._lent and name in ("", member.name)]

    def _look(self) -> None:
        while not self._ending.wait(LOOK_EVERY):
            for member in self.members:
                if member.wanted and not member.process.alive:
                    member.process.kill()  # what is left of its children
                    member.begin()
