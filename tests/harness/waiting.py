"""Waiting for something to become true, with a deadline and a sentence when it does not."""

import time
from collections.abc import Callable
from datetime import timedelta
from typing import TypeVar

T = TypeVar("T")

PAUSE = 0.02
PATIENCE = timedelta(seconds=120)
"""How fast a machine is, and how much else it has to do, is no test's business."""


class TooLate(AssertionError):
    """What was waited for did not happen in time."""


def wait_until(true: Callable[[], T], what: str, within: timedelta = PATIENCE) -> T:
    """Call `true` until it gives something true and return that; after `within` raise `TooLate`, saying `what`.

    An exception from `true` counts as "not yet"; the last one is the cause of `TooLate`.
    """
    deadline = time.monotonic() + within.total_seconds()
    last: Exception | None = None
    while True:
        try:
            if found := true():
                return found
            last = None
        except Exception as error:
            last = error
        if time.monotonic() > deadline:
            raise TooLate(f"{what}: not within {within.total_seconds():g} s") from last
        time.sleep(PAUSE)
