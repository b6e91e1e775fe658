"""Many at once, each on a thread and a connection of its own."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from django.db import connections

MANY = 8


def at_once(act: Callable[[], Any]) -> list[Any]:
    """What each of many threads got, all begun at the same moment."""
    barrier = threading.Barrier(MANY)

    def one() -> Any:
        try:
            barrier.wait()
            return act()
        finally:
            connections.close_all()

    with ThreadPoolExecutor(MANY) as pool:
        return [future.result() for future in [pool.submit(one) for _ in range(MANY)]]
