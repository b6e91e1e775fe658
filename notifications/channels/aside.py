"""Calls out through libraries that bound each silence and not the whole: on a thread of their own, waited for so long.

Whoever does not come back keeps the thread, and there are so many and no more in one process.
"""

import threading
from collections.abc import Callable
from datetime import timedelta
from typing import Generic, TypeVar

from notifications.channels.channel import ChannelError
from notifications.verdict import Result

PATIENCE = timedelta(seconds=30)
MOST_AT_ONCE = 16

_places = threading.BoundedSemaphore(MOST_AT_ONCE)

T = TypeVar("T")


def aside(act: Callable[[], T]) -> T:
    """What it returns or raises. Raises `ChannelError` as "unknown" when it takes too long, as "out" when all are busy.

    It must not touch the database: its thread has no connection that anybody gives back.
    """
    places = _places
    if not places.acquire(blocking=False):
        raise ChannelError("Too many calls are under way that nobody answers.", Result.OUT, code="busy")
    call = _Call(act, places)
    thread = threading.Thread(target=call.run, name="aside", daemon=True)
    thread.start()
    thread.join(PATIENCE.total_seconds())
    if thread.is_alive():
        raise ChannelError("There was no answer in time.", Result.UNKNOWN, code="no_answer")
    if call.error is not None:
        raise call.error
    return call.results[0]


class _Call(Generic[T]):
    def __init__(self, act: Callable[[], T], place: threading.BoundedSemaphore) -> None:
        self._act, self._place = act, place
        self.results: list[T] = []
        self.error: Exception | None = None

    def run(self) -> None:
        try:
            self.results.append(self._act())
        except Exception as error:  # it is raised where it is waited for
            self.error = error
        finally:
            self._place.release()
