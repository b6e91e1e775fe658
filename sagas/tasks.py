"""Celery's door: no logic, only which call and which signal goes where."""

import logging
import os
import socket
from collections.abc import Sequence
from typing import Any

from celery import current_app, shared_task
from celery.signals import (
    celeryd_after_setup,
    task_received,
    worker_process_init,
    worker_process_shutdown,
    worker_ready,
    worker_shutdown,
    worker_shutting_down,
)
from celery.worker.state import active_requests
from django.db import InterfaceError, OperationalError

from gateway import counters
from gateway.doorbell import Rank
from sagas.engine import dispatch, lanes, workers
from sagas.engine.alerting import alert
from sagas.engine.callbacks import tell_ends
from sagas.engine.canary import Canary
from sagas.engine.sweep import heard_beat
from sagas.engine.sweep import sweep as sweep_now
from sagas.operations.working import run_bulk
from sagas.words import registry

logger = logging.getLogger(__name__)

RANKED = ("redis", "rediss")
"""Brokers that serve messages by their rank; with the others workers see to it themselves."""

_canary: Canary | None = None
_served: list[str] = []


@shared_task(name="sagas.tasks.deliver", bind=True)
def deliver(self: Any, *named: object) -> None:
    """Due steps, each named by its run and fence; anything that is not one is left alone."""
    steps = _steps(named)
    if steps:
        workers.here().deliver(*steps[0], _rank(self.request), more=steps[1:])
    else:
        logger.warning("A message was ignored: it names no step.")


def _steps(named: Sequence[object]) -> list[tuple[int, int]]:
    """The pairs of run and fence that a message names; none if one of them cannot be."""
    numbers = [number for number in named if type(number) is int and 0 < number < 2**63]
    steps = list(zip(numbers[::2], numbers[1::2], strict=False))
    whole = len(numbers) == len(named) == 2 * len(steps) and len(steps) <= dispatch.BUNDLE
    return steps if whole and all(fence < 2**31 for _, fence in steps) else []


@shared_task(name="sagas.tasks.sweep")
def sweep() -> None:
    """Beat's part; every worker process sweeps as well when beat is silent."""
    try:
        sweep_now()
        heard_beat()
    except (OperationalError, InterfaceError) as error:
        logger.warning("The sweep must wait for the database: %s", str(error).strip())


@shared_task(name="sagas.tasks.look_after")
def look_after() -> None:
    """Beat's: bulk operations go on, and whoever wanted to know is told that a saga has ended."""
    try:
        run_bulk()
        tell_ends()
        alert()
    except (OperationalError, InterfaceError) as error:
        logger.warning("Bulk operations and callbacks must wait for the database: %s", str(error).strip())


@shared_task(name="sagas.tasks.canary")
def canary(queue: str) -> None:
    """The worker heard itself."""
    workers.here().sang()


@celeryd_after_setup.connect
def add_queues(sender: str, instance: Any, **kwargs: Any) -> None:
    """A worker without -Q serves all queues that definitions name; each serves its queues' lanes, and its canary's."""
    global _canary
    queues = instance.app.amqp.queues
    if queues._consume_from is None:
        named = {name for definition in registry.everything() for name in definition.queues}
        for name in sorted(named - set(queues.consume_from)):
            queues.select_add(lanes.declaration(name))
    _served[:] = queues.consume_from
    for name in lanes.lanes(_served):
        queues.select_add(lanes.declaration(name))
    if not instance.app.conf.broker_url.startswith("memory"):
        _canary = Canary(f"{sender}.{os.getpid()}", busy=lambda: len(active_requests) >= instance.concurrency)
        queues.select_add(_canary.declare())


@worker_ready.connect
def begin_in_one_process(sender: Any, **kwargs: Any) -> None:
    """Pools of threads, and solo, work in this process; prefork works in its children."""
    controller = sender.controller
    if _canary is not None:
        _canary.start()
    if not controller.pool_cls.__module__.endswith("prefork"):
        _begin(controller.hostname, controller.concurrency)


@worker_process_init.connect
def begin_in_a_child(**kwargs: Any) -> None:
    _begin(f"{socket.gethostname()}:{os.getpid()}", 1)


@task_received.connect
def hear(request: Any, **kwargs: Any) -> None:
    if _canary is not None and request.name == "sagas.tasks.canary" and list(request.args) == [_canary.queue]:
        _canary.heard()


@worker_shutting_down.connect
def stop(**kwargs: Any) -> None:
    workers.here().stop()


@worker_shutdown.connect  # a consumer that fell over garbage ends without the signal above
@worker_process_shutdown.connect
def leave(**kwargs: Any) -> None:
    """The end of a process, after the steps that it was at."""
    try:
        workers.here().leave()
    except (OperationalError, InterfaceError) as error:
        logger.info("The worker ends without having said so to the database: %s", str(error).strip())


@worker_process_shutdown.connect
def leave_no_count_behind(**kwargs: Any) -> None:
    """A prefork child ends without the usual farewells."""
    counters.end()


def _begin(name: str, concurrency: int) -> None:
    ranked = current_app.conf.broker_url.partition("://")[0] in RANKED
    workers.begin(name=name, queues=_served, concurrency=concurrency, ranked=ranked)


def _rank(request: Any) -> Rank:
    """What the message says of its rank; nothing, if it was not sent by us."""
    said = (request.delivery_info or {}).get("priority")
    return Rank(said) if said in list(Rank) else Rank.NORMAL
