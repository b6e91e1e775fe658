"""Does the database answer? Found out within a second and a half, also when it is frozen or its pool is used up.

One probe at a time asks, in a thread of its own, so that nobody who wants to know waits longer than `PATIENCE`.
"""

import logging
import threading
import time
from datetime import timedelta

from django.db import connection

logger = logging.getLogger(__name__)

PATIENCE = timedelta(seconds=1.5)
FRESH = timedelta(seconds=1)


class Pulse:
    """What is known about the database, on the clock of `time.monotonic()`."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._probe: threading.Thread | None = None
        self._asked = 0.0
        self._answered = float("-inf")

    def answers(self, fresh: timedelta = FRESH) -> bool:
        """Whether the database answered within that time, or does now."""
        if time.monotonic() - self._answered < fresh.total_seconds():
            return True
        with self._lock:
            if self._probe is None or not self._probe.is_alive():
                self._asked = time.monotonic()
                self._probe = threading.Thread(target=self._ask, args=(self._asked,), name="pulse", daemon=True)
                self._probe.start()
            asked, probe = self._asked, self._probe
        probe.join(max(0.0, asked + PATIENCE.total_seconds() - time.monotonic()))
        return self._answered >= asked

    def _ask(self, asked: float) -> None:
        try:
            with connection.cursor() as cursor:
                cursor.execute("SELECT 1")
            self._answered = max(asked, time.monotonic())
        except Exception as error:
            logger.warning("The database does not answer: %s", str(error).strip())
        finally:
            connection.close()


_pulse = Pulse()


def database_answers(fresh: timedelta = FRESH) -> bool:
    """Whether the database answers, known within a second and a half; it may have been asked so long ago."""
    return _pulse.answers(fresh)
