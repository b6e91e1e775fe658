"""Drives the bare Celery chain, and reads its results back from Redis."""

import platform
from collections import deque
from typing import Any

import celery
import kombu
import redis

from benchmarks.programs.chain_tasks import app, order_chain, task_id
from benchmarks.programs.talk import Driver, look_until, serve
from benchmarks.work import STEPS, UNDONE, Flow, Seen, is_complete


class Chain(Driver):
    def __init__(self) -> None:
        super().__init__()
        self._open: deque[str] = deque()

    def versions(self) -> dict[str, str]:
        return {
            "python": platform.python_version(),
            "celery": celery.__version__,
            "kombu": kombu.__version__,
            "redis-py": redis.__version__,
        }

    def start(self, flow: Flow, orders: range) -> None:
        for order in orders:
            order_chain(flow, order).apply_async()
            self._open.append(_last(flow, order))

    def wait(self) -> None:
        look_until(self._ended)
        self._open.clear()

    def _ended(self) -> bool:
        """Look at the oldest that is open, and go on to the next when it has ended: one question at a time."""
        while self._open and app.backend.client.exists(app.backend.get_key_for_task(self._open[0])):
            self._open.popleft()
        return not self._open

    def run(self, flow: Flow, order: int) -> None:
        order_chain(flow, order).apply_async()
        app.AsyncResult(_last(flow, order)).get(timeout=60)

    def confirmed(self, orders: list[tuple[Flow, int]]) -> int:
        return sum(is_complete(flow, order, _seen(order)) for flow, order in orders)


def _last(flow: Flow, order: int) -> str:
    return task_id("do", STEPS[-1], order) if flow is Flow.WELL else task_id("undo", UNDONE[-1], order)


def _seen(order: int) -> Seen:
    done = {step: _stored("do", step, order) for step in STEPS}
    undone = {step: _stored("undo", step, order) for step in UNDONE}
    refused = [step for step, found in done.items() if found["status"] == "FAILURE"]
    return Seen(
        results={step: found["result"] for step, found in done.items() if found["status"] == "SUCCESS"},
        refused=refused[0] if refused else None,
        undone=[step for step, found in undone.items() if found["status"] == "SUCCESS"],
    )


def _stored(what: str, step: str, order: int) -> dict[str, Any]:
    found: dict[str, Any] = app.backend.get_task_meta(task_id(what, step, order), cache=False)
    return found


if __name__ == "__main__":
    serve(Chain())
