"""The driver's side of the talk with the benchmark: a JSON object a line, over a socket, one answer to each request.

    versions                              → {"versions": {...}}
    burst    flow, count                  → {"started": seconds until all were accepted, "seconds": until all ended}
    start    flow, count                  → {"started": ...}
    wait                                  → {"seconds": ...}
    singles  flow, count                  → {"latencies": [seconds, ...]}
    confirm                               → {"confirmed": how many of all since the last confirm are complete}

What raises is answered as {"error": sentence}. The driver ends when the benchmark hangs up.
"""

import json
import os
import socket
import sys
import time
import traceback
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any

from benchmarks.work import Flow

LOOK_EVERY = 0.01
"""Seconds between two looks at whether everything has ended: a look costs the processor that is measured."""
PATIENCE = 300.0
"""Seconds that `wait` gives all of them; what has not ended by then is missing, and the run has no rate."""
WATCH_EVERY = 0.0005
"""Seconds between two looks at the only one that is under way."""


class Driver(ABC):
    """What a system's driver must be able to do. Orders have numbers; each is used once."""

    def __init__(self) -> None:
        self._orders: list[tuple[Flow, int]] = []
        self._next = int(time.time() * 1000) * 1000

    @abstractmethod
    def versions(self) -> dict[str, str]:
        """The versions of what takes part, by name."""

    @abstractmethod
    def start(self, flow: Flow, orders: range) -> None:
        """Begin a saga for each order, and return when all are accepted."""

    @abstractmethod
    def wait(self) -> None:
        """Return when all that was begun has ended, or when patience has."""

    @abstractmethod
    def run(self, flow: Flow, order: int) -> None:
        """Begin one saga, and return when its outcome is known here."""

    @abstractmethod
    def confirmed(self, orders: list[tuple[Flow, int]]) -> int:
        """Read back what these left behind, and count those of which nothing is missing."""

    def answer(self, request: dict[str, Any]) -> dict[str, Any]:
        """Do what is asked."""
        began = time.perf_counter()
        match request:
            case {"do": "versions"}:
                return {"versions": self.versions()}
            case {"do": "start" | "burst" as what, "flow": flow, "count": count}:
                self.start(Flow(flow), self._take(Flow(flow), count))
                started = time.perf_counter() - began
                if what == "start":
                    return {"started": started}
                self.wait()
                return {"started": started, "seconds": time.perf_counter() - began}
            case {"do": "wait"}:
                self.wait()
                return {"seconds": time.perf_counter() - began}
            case {"do": "singles", "flow": flow, "count": count}:
                return {
                    "latencies": [self._timed(Flow(flow), order) for order in self._take(Flow(flow), count)],
                }
            case {"do": "confirm"}:
                orders, self._orders = self._orders, []
                return {"confirmed": self.confirmed(orders)}
        raise ValueError(f"There is no such request: {request}.")

    def _take(self, flow: Flow, count: int) -> range:
        orders = range(self._next, self._next + count)
        self._next += count
        self._orders += [(flow, order) for order in orders]
        return orders

    def _timed(self, flow: Flow, order: int) -> float:
        began = time.perf_counter()
        self.run(flow, order)
        return time.perf_counter() - began


def look_until(ended: Callable[[], bool], *, every: float = LOOK_EVERY) -> None:
    """Look again and again, until it has ended or patience has."""
    deadline = time.monotonic() + PATIENCE
    while not ended() and time.monotonic() < deadline:
        time.sleep(every)


def serve(driver: Driver) -> None:
    """Answer the benchmark that listens on the port in `BENCHMARK_PORT`, until it hangs up."""
    with (
        socket.create_connection(("127.0.0.1", int(os.environ["BENCHMARK_PORT"]))) as line,
        line.makefile("rw") as talk,
    ):
        for request in talk:
            try:
                answer = driver.answer(json.loads(request))
            except Exception as error:
                traceback.print_exc(file=sys.stderr)
                answer = {"error": f"{type(error).__name__}: {error}"}
            talk.write(json.dumps(answer) + "\n")
            talk.flush()
