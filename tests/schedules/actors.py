"""Actors: threads of which one goes on at a time, from stop to stop; who is next is decided outside of them."""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

from django.db import OperationalError

from sagas.testing.failure import Crash

HANGS = 120.0
"""Seconds after which an actor that does not come to its next stop is said to hang; real ones."""

_mine = threading.local()


class Cut(OperationalError):
    """The connection was cut. Whoever shares a commit gets the one that another actor met with."""


def current() -> "Actor | None":
    """The actor whose thread this is."""
    return getattr(_mine, "actor", None)


def stop(where: str) -> None:
    """Here others may come in between, and here this actor may die. Nothing, in a thread that is no actor's."""
    if (actor := current()) is not None and not getattr(_mine, "hurries", False):
        actor.stop(where)


@contextmanager
def in_one_go() -> Iterator[None]:
    """Within this context nobody comes in between, and nobody dies."""
    _mine.hurries = True
    try:
        yield
    finally:
        _mine.hurries = False


class Actor:
    """One act of a process or a person, under way: begun by the first `go`, and at a stop after each.

    `at` says where it stands, `skew` by how much its machine's clock is wrong, `here` whose worker process it is of;
    `result` and `error` what it came to.
    Who dies at a stop gets a `Crash` there, and at every later stop on its way out. `waiting`: it is between two stops,
    and cannot go on without another one; `in_transaction`: it may hold locks.
    """

    def __init__(self, name: str, act: Callable[[], Any], threads: ThreadPoolExecutor) -> None:
        self.name = name
        self.at = "its begin"
        self.skew = timedelta(0)
        self.here: Any = None
        self.decided = 0
        self.done = self.crashed = self.was_cut = False
        self.waiting = self.in_transaction = False
        self.result: Any = None
        self.error: BaseException | None = None
        self._strikes: type[BaseException] | None = None
        self._go, self._stopped = threading.Semaphore(0), threading.Semaphore(0)
        threads.submit(self._play, act)

    def __str__(self) -> str:
        return f"{self.name} at {self.at}"

    def go(self) -> None:
        """Let it go on to its next stop, or its end."""
        self._go.release()
        if not self._stopped.acquire(timeout=HANGS):
            raise AssertionError(f"{self} does not come to its next stop.")

    def arrives(self) -> bool:
        """Is it at a stop? Some must wait for another one between two of them."""
        return not self.waiting

    def die(self) -> None:
        """End it where it stands, or as soon as it stands somewhere."""
        self.crashed, self._strikes = True, Crash
        self.fade()

    def fade(self) -> None:
        """Whoever is dying goes on to its end, as far as it can."""
        while not self.done and self.arrives():
            self.go()

    def cut(self) -> None:
        """The database's answer does not come: it goes on from here with an error of the connection."""
        self.was_cut, self._strikes = True, Cut
        self.go()

    def stop(self, where: str) -> None:
        """Called by the actor itself: it stands here until it may go on. Raises what strikes it."""
        self.at = where
        self._stopped.release()
        self._go.acquire()
        strikes = self._strikes
        if strikes is Cut:
            self._strikes = None
            raise Cut("the connection was cut")
        if strikes is not None:
            raise strikes

    def _play(self, act: Callable[[], Any]) -> None:
        _mine.actor = self
        self._go.acquire()
        try:
            if self._strikes is None:
                self.result = act()
        except Crash:
            pass
        except BaseException as error:
            self.error = error
        finally:
            _mine.actor = None
            self.at, self.done = "its end", True
            self._stopped.release()
