"""Drives the coordinator: begins sagas by its operations, and reads the rows of their runs back.

`STARTING` says how: `one by one` or `in batches`.
"""

import os
import platform
from collections import defaultdict
from typing import Any
from uuid import UUID

import celery
import django
import psycopg

django.setup()

from django.db import connection  # noqa: E402 - after the setup

from benchmarks.flow.sagas import NAME  # noqa: E402
from benchmarks.programs.talk import WATCH_EVERY, Driver, look_until, serve  # noqa: E402
from benchmarks.work import Flow, Seen, is_complete  # noqa: E402
from sagas import operations  # noqa: E402
from sagas.models import Run, Saga  # noqa: E402

ACTOR = "benchmark"
BATCH = 100


class Ours(Driver):
    def __init__(self, starting: str) -> None:
        super().__init__()
        self._ids: dict[int, UUID] = {}
        self._in_batches = starting == "in batches"

    def versions(self) -> dict[str, str]:
        return {
            "python": platform.python_version(),
            "django": django.__version__,
            "celery": celery.__version__,
            "psycopg": psycopg.__version__,
        }

    def start(self, flow: Flow, orders: range) -> None:
        if not self._in_batches:
            for order in orders:
                self._ids[order] = operations.start(NAME, _input(flow, order), actor=ACTOR).saga.pk
            return
        start_many: Any = vars(operations)["start_many"]
        for first in range(0, len(orders), BATCH):
            batch = orders[first : first + BATCH]
            inputs = [_input(flow, order) for order in batch]
            started = start_many(NAME, inputs, actor=ACTOR)
            self._ids |= {order: one.saga.pk for order, one in zip(batch, started, strict=True)}

    def wait(self) -> None:
        look_until(lambda: not _answer("SELECT EXISTS (SELECT FROM sagas_saga WHERE ended_at IS NULL)"))

    def run(self, flow: Flow, order: int) -> None:
        saga = operations.start(NAME, _input(flow, order), actor=ACTOR).saga
        self._ids[order] = saga.pk
        ended = "SELECT ended_at IS NOT NULL FROM sagas_saga WHERE id = %s"
        look_until(lambda: _answer(ended, saga.pk), every=WATCH_EVERY)

    def confirmed(self, orders: list[tuple[Flow, int]]) -> int:
        ids = {order: self._ids.pop(order) for _, order in orders}
        runs = defaultdict(list)
        for run in Run.objects.filter(saga__in=ids.values()):
            runs[run.saga_id].append(run)
        states = dict(Saga.objects.filter(pk__in=ids.values()).values_list("pk", "state"))
        return sum(
            states[ids[order]] == ("completed" if flow is Flow.WELL else "compensated")
            and is_complete(flow, order, _seen(runs[ids[order]]))
            for flow, order in orders
        )


def _seen(runs: list[Run]) -> Seen:
    refused = [run.path for run in runs if run.state == "failed"]
    undone = sorted((run for run in runs if run.undo == "done"), key=lambda run: run.seq or 0, reverse=True)
    return Seen(
        results={run.path: run.result for run in runs if run.state == "succeeded"},
        refused=refused[0] if refused else None,
        undone=[run.path for run in undone],
    )


def _input(flow: Flow, order: int) -> dict[str, Any]:
    return {"order": order, "refused": flow is Flow.REFUSED}


def _answer(query: str, *parameters: Any) -> Any:
    with connection.cursor() as cursor:
        cursor.execute(query, parameters)
        row = cursor.fetchone()
    return row and row[0]


if __name__ == "__main__":
    serve(Ours(os.environ["STARTING"]))
