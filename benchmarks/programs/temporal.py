"""Drives Temporal: starts workflows, waits for their results, and reads their histories."""

import asyncio
import os
import platform
import subprocess
from collections.abc import Coroutine, Iterable
from importlib.metadata import version
from typing import Any, TypeVar

from temporalio.client import Client, WorkflowHandle
from temporalio.converter import DataConverter

from benchmarks.programs.talk import PATIENCE, Driver, serve
from benchmarks.programs.temporal_order import COMPENSATIONS, QUEUE, OrderSaga
from benchmarks.work import REFUSED_STEP, STEPS, Flow, Seen, is_complete

T = TypeVar("T")

AT_ONCE = 50
"""Requests that are under way at most."""


class Temporal(Driver):
    def __init__(self) -> None:
        super().__init__()
        self._loop = asyncio.new_event_loop()
        self._client = self._now(Client.connect(os.environ["SERVER"]))
        self._open: list[WorkflowHandle[Any, Any]] = []

    def versions(self) -> dict[str, str]:
        said = subprocess.run([os.environ["PROGRAM"], "--version"], check=True, capture_output=True, text=True)
        return {
            "temporal": said.stdout.strip().removeprefix("temporal version "),
            "python": platform.python_version(),
            "temporalio": version("temporalio"),
        }

    def start(self, flow: Flow, orders: range) -> None:
        self._open += self._now(_few_at_a_time(self._begin(flow, order) for order in orders))

    def wait(self) -> None:
        async def all_of_them() -> None:
            ends = [asyncio.create_task(handle.result()) for handle in self._open]
            await asyncio.wait(ends, timeout=PATIENCE)

        self._now(all_of_them())
        self._open = []

    def run(self, flow: Flow, order: int) -> None:
        async def through() -> None:
            await (await self._begin(flow, order)).result()

        self._now(through())

    def confirmed(self, orders: list[tuple[Flow, int]]) -> int:
        seen = self._now(_few_at_a_time(self._seen(order) for _, order in orders))
        return sum(is_complete(flow, order, found) for (flow, order), found in zip(orders, seen, strict=True))

    def _now(self, work: Coroutine[Any, Any, T]) -> T:
        return self._loop.run_until_complete(work)

    async def _begin(self, flow: Flow, order: int) -> Any:
        given = [order, flow is Flow.REFUSED]
        return await self._client.start_workflow(OrderSaga.run, args=given, id=str(order), task_queue=QUEUE)

    async def _seen(self, order: int) -> Seen:
        names: dict[int, str] = {}
        results: dict[str, Any] = {}
        refused, undone = None, []
        undoes = {undo: step for step, undo in COMPENSATIONS.items()}
        async for event in self._client.get_workflow_handle(str(order)).fetch_history_events():
            if event.HasField("activity_task_scheduled_event_attributes"):
                scheduled = event.activity_task_scheduled_event_attributes
                names[event.event_id] = scheduled.activity_type.name
            elif event.HasField("activity_task_failed_event_attributes"):
                name = names[event.activity_task_failed_event_attributes.scheduled_event_id]
                refused = REFUSED_STEP if name == "refuse" else name
            elif event.HasField("activity_task_completed_event_attributes"):
                completed = event.activity_task_completed_event_attributes
                name = names[completed.scheduled_event_id]
                if name in STEPS:
                    (results[name],) = await DataConverter.default.decode(completed.result.payloads)
                else:
                    undone.append(undoes[name])
        return Seen(results, refused, undone)


async def _few_at_a_time(work: Iterable[Coroutine[Any, Any, T]]) -> list[T]:
    room = asyncio.Semaphore(AT_ONCE)

    async def one(part: Coroutine[Any, Any, T]) -> T:
        async with room:
            return await part

    return await asyncio.gather(*map(one, work))


if __name__ == "__main__":
    serve(Temporal())
