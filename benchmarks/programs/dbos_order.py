"""The order as a DBOS workflow: each step is recorded in PostgreSQL, and compensations are steps as well."""

import os
from typing import Any

from dbos import DBOS, DBOSConfig

from benchmarks import work

QUEUE = "orders"
APPLICATION_VERSION = "benchmark"


class Refused(Exception):
    """The fourth step does not want this order."""


@DBOS.step()
def check_user(order: int) -> dict[str, Any]:
    return work.result("check_user", order)


@DBOS.step()
def lock_stock(order: int) -> dict[str, Any]:
    return work.result("lock_stock", order)


@DBOS.step()
def charge(order: int) -> dict[str, Any]:
    return work.result("charge", order)


@DBOS.step()
def ship(order: int, refused: bool) -> dict[str, Any]:
    if refused:
        raise Refused("There is nobody to carry it.")
    return work.result("ship", order)


@DBOS.step()
def confirm(order: int) -> dict[str, Any]:
    return work.result("confirm", order)


@DBOS.step()
def forget_user(order: int) -> None:
    pass


@DBOS.step()
def release_stock(order: int) -> None:
    pass


@DBOS.step()
def refund(order: int) -> None:
    pass


COMPENSATIONS = {"charge": refund, "lock_stock": release_stock, "check_user": forget_user}


@DBOS.workflow()
def order_saga(order: int, refused: bool) -> str:
    try:
        check_user(order)
        lock_stock(order)
        charge(order)
        ship(order, refused)
        confirm(order)
    except Refused:
        for compensation in COMPENSATIONS.values():
            compensation(order)
        return "compensated"
    return "completed"


def launch(executor: str, *, listens: bool) -> None:
    """Make this process a DBOS executor; one that does not listen only runs what it calls itself."""
    config: DBOSConfig = {
        "name": "benchmark",
        "system_database_url": os.environ["DATABASE_URL"],
        "application_version": APPLICATION_VERSION,
        "executor_id": executor,
        "log_level": "WARNING",
    }
    DBOS(config=config)
    if not listens:
        DBOS.listen_queues([])
    DBOS.launch()
    DBOS.register_queue(
        QUEUE,
        polling_interval_sec=float(os.environ["POLLING"]),
        worker_concurrency=int(os.environ["CONCURRENCY"]) or None,
    )
