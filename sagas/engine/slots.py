"""The slots of a process: so many attempts at a time, for who was told of a step and for who looked for one."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager


class Slots:
    """Who was told of a step waits for a slot; who looked for one takes a slot that is idle, and gives way then."""

    def __init__(self, number: int) -> None:
        self._free = number
        self._waiting = 0
        self._changed = threading.Condition()

    @contextmanager
    def told(self) -> Iterator[None]:
        """A slot for who was told, as soon as there is one."""
        with self._changed:
            self._waiting += 1
            self._changed.wait_for(lambda: self._free)
            self._waiting -= 1
            self._free -= 1
        try:
            yield
        finally:
            self.release()

    def take_idle(self) -> bool:
        """Take a slot that nobody else wants, to be released; False if there is none."""
        with self._changed:
            idle = self._free > self._waiting
            self._free -= idle
            return idle

    @property
    def wanted(self) -> bool:
        """Whether somebody who was told waits for a slot."""
        return self._waiting > 0

    def release(self) -> None:
        with self._changed:
            self._free += 1
            self._changed.notify()
