"""The order as a bare Celery chain: five messages, results in Redis, nothing that survives a fall."""

import os
from collections.abc import Sequence
from typing import Any

from celery import Celery, chain

from benchmarks import work

app = Celery("chain", broker=os.environ["BROKER_URL"], backend=os.environ["BROKER_URL"])


class Refused(Exception):
    """The fourth step does not want this order."""


@app.task
def do(step: str, order: int) -> dict[str, Any]:
    return work.result(step, order)


@app.task(throws=(Refused,))
def refuse(step: str, order: int) -> dict[str, Any]:
    raise Refused(step)


@app.task
def undo(step: str, order: int) -> dict[str, Any]:
    return work.result(step, order)


@app.task
def turn_back(request: Any, error: BaseException, trace: object, order: int) -> None:
    """What Celery calls when the chain breaks: the compensations, as a chain of their own."""
    chained([undo.si(step, order).set(task_id=task_id("undo", step, order)) for step in work.UNDONE]).delay()


def order_chain(flow: work.Flow, order: int) -> Any:
    """The chain of one order; its tasks have ids that can be told from the order."""
    steps = work.STEPS
    actions = dict.fromkeys(steps, do)
    if flow is work.Flow.REFUSED:
        actions[work.REFUSED_STEP] = refuse
    signatures = [actions[step].si(step, order).set(task_id=task_id("do", step, order)) for step in steps]
    whole = chained(signatures)
    return whole.on_error(turn_back.s(order)) if flow is work.Flow.REFUSED else whole


def chained(signatures: Sequence[Any]) -> Any:
    return chain(*signatures)


def task_id(what: str, step: str, order: int) -> str:
    return f"{what}-{step}-{order}"
