"""A worker that sends itself messages, to know that it still hears.

There is a family of faults where a worker lives, its connection is up, and no message arrives any more. When the broker
takes messages, a slot is idle, and still no message of our own has come back for long, the worker ends itself, so that
its supervisor starts a fresh one. Its steps lose nothing: the door is looked at all the while.
"""

import logging
import os
import signal
import threading
import time
from collections.abc import Callable

from kombu import Exchange, Queue

from gateway import doorbell
from sagas.conf import conf

logger = logging.getLogger(__name__)

TASK = "sagas.tasks.canary"
LAST_WORD = 30.0


class Canary:
    """Sings into a queue of its own; `heard` is called when the worker's consumer receives the song."""

    def __init__(self, name: str, *, busy: Callable[[], bool]) -> None:
        self.queue = f"canary.{name}"
        self._busy = busy
        self._well = time.monotonic()
        self._thread = threading.Thread(target=self._sing, name="canary", daemon=True)

    def declare(self) -> Queue:
        """The queue as kombu knows it: it goes when its worker goes."""
        return Queue(self.queue, Exchange("canary", type="direct"), routing_key=self.queue, auto_delete=True)

    def start(self) -> None:
        self._well = time.monotonic()
        self._thread.start()

    def heard(self) -> None:
        self._well = time.monotonic()

    def deaf(self) -> bool:
        """Has nothing come back for too long, though the broker answers and there was room for it?"""
        if self._busy() or doorbell.failing_since() is not None:
            self._well = time.monotonic()
        return time.monotonic() - self._well > conf().deaf_after.total_seconds()

    def _sing(self) -> None:
        while not self.deaf():
            doorbell.ring(TASK, [self.queue], self.queue, rank=doorbell.Rank.FIRST)
            time.sleep(conf().canary_every.total_seconds())
        logger.critical("The broker answers, but this worker hears no message any more; it ends, to be started anew.")
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(LAST_WORD)
        os._exit(70)
