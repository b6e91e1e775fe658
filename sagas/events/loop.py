"""Threads that go on until they are told to stop: one for each target, or source. What one raises stops no other."""

import logging
import threading
import time
from collections.abc import Callable, Mapping
from datetime import timedelta

from django.db import InterfaceError, OperationalError, connection

logger = logging.getLogger(__name__)

FIRST_PAUSE, LONGEST_PAUSE = 0.5, 30.0
"""Seconds before what failed is begun again, and the most that become of them."""

Life = Callable[[threading.Event], None]
"""What a thread does until the event is set."""


class Loop:
    """Named lives, each in a thread of its own, begun again when it ends by an error."""

    def __init__(self, lives: Mapping[str, Life]) -> None:
        self.stopping = threading.Event()
        self._threads = [
            threading.Thread(target=self._live, args=(name, life), name=name, daemon=True)
            for name, life in lives.items()
        ]

    def start(self) -> None:
        """Begin all of them."""
        for thread in self._threads:
            thread.start()

    def stop(self, within: timedelta = timedelta(seconds=20)) -> bool:
        """Tell all to stop, and wait; False if some are still at it."""
        self.stopping.set()
        end = time.monotonic() + within.total_seconds()
        for thread in self._threads:
            thread.join(max(end - time.monotonic(), 0))
        return not any(thread.is_alive() for thread in self._threads)

    def _live(self, name: str, life: Life) -> None:
        pause = FIRST_PAUSE
        while not self.stopping.is_set():
            began = time.monotonic()
            try:
                life(self.stopping)
            except (OperationalError, InterfaceError) as error:
                logger.warning("%s must wait for the database: %s", name, str(error).strip())
            except Exception:
                logger.exception("%s failed, and begins again.", name)
            finally:
                connection.close()
            pause = FIRST_PAUSE if time.monotonic() - began > LONGEST_PAUSE else min(pause * 2, LONGEST_PAUSE)
            self.stopping.wait(pause)
