"""A worker comes back to its broker by itself, with exactly the time-outs that the settings give it."""

import itertools
import sys
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from tests.harness.processes import Process
from tests.harness.product import Product
from tests.harness.rabbitmq import RabbitMQ
from tests.harness.redis import Redis
from tests.harness.service import Service
from tests.harness.waiting import wait_until

MINUTE = timedelta(seconds=60)

PUBLISH = """
import sys
from orchestrator.celery import app
app.send_task("tests.mark", args=[sys.argv[1]], queue="sagas")
"""

STAY = """
import sys
from orchestrator.celery import app
app.send_task("tests.stay", args=sys.argv[1:], queue="sagas")
"""

numbers = itertools.count()


@pytest.fixture(params=["redis", "rabbitmq"])
def broker(request: pytest.FixtureRequest) -> Service:
    server: Redis | RabbitMQ = request.getfixturevalue(request.param)
    return server


def nothing(folder: Path) -> str:
    """The address of a database without a table: only brokers count here."""
    return f"sqlite:///{folder}/nothing.sqlite3"


def ring(product: Product, path: Path) -> Process:
    return product.start("publish", [sys.executable, "-c", PUBLISH, str(path)])


def works(product: Product) -> Callable[[], bool]:
    """Return a question: does a worker take messages? Rings once a second: what a dead broker was told is lost."""
    path = product.folder / f"mark{next(numbers)}"
    rung = 0.0

    def answered() -> bool:
        nonlocal rung
        if not path.exists() and time.monotonic() - rung > 1:
            ring(product, path).wait()
            rung = time.monotonic()
        return path.exists()

    return answered


@pytest.mark.parametrize("pool", ["prefork", "threads"])
def test_a_worker_outlives_its_broker_or_its_canary_ends_it(broker, pool, tmp_path):
    """kombu on Redis leaves a worker deaf now and then after a freeze; none may stay so."""
    attentive = {"DJANGO_SETTINGS_MODULE": "tests.acceptance.attentive"}
    with Product(database_url=nothing(tmp_path), broker_url=broker.url, environment=attentive) as product:
        workers = [product.worker(pool=pool, include=["tests.harness.tasks"])]

        def works_again() -> Callable[[], bool]:
            answered = works(product)

            def supervised() -> bool:
                if not workers[-1].alive:
                    workers.append(product.worker(pool=pool, include=["tests.harness.tasks"]))
                return answered()

            return supervised

        wait_until(works_again(), "the worker takes a task", MINUTE)

        broker.kill()
        time.sleep(3)
        broker.start()
        wait_until(works_again(), "a worker takes a task after the broker was killed", 2 * MINUTE)

        broker.freeze()
        time.sleep(6)
        broker.thaw()
        wait_until(works_again(), "a worker takes a task after the broker was frozen", 2 * MINUTE)

        *ended, last = workers
        assert all("hears no message any more" in worker.output() for worker in ended)
        assert last.stop() == 0


def test_a_worker_that_cannot_acknowledge_takes_as_much_as_before(redis, tmp_path):
    """Redis falls silent while steps end; with a place lost for each of them, the worker would be deaf, or nearly."""
    with Product(database_url=nothing(tmp_path), broker_url=redis.url) as product:
        worker = product.worker(pool="threads", concurrency=2, include=["tests.harness.tasks"])

        def two_at_once(name: str) -> Path:
            """Two tasks, each in a place of its own, until there is the file."""
            marks, until = [product.folder / f"{name}{number}" for number in (1, 2)], product.folder / f"{name} over"
            for mark in marks:
                assert product.start("publish", [sys.executable, "-c", STAY, str(mark), str(until)]).wait() == 0
            wait_until(lambda: all(mark.exists() for mark in marks), f"two tasks are under way ({name})", 2 * MINUTE)
            return until

        over = two_at_once("before")
        redis.freeze()
        over.touch()
        time.sleep(7)  # as long as two acknowledgements that are given up take
        redis.thaw()
        two_at_once("after").touch()
        assert worker.stop() == 0


@pytest.mark.quiet
def test_publishing_to_a_frozen_broker_fails_within_seconds(broker, tmp_path):
    with Product(database_url=nothing(tmp_path), broker_url=broker.url) as product:
        broker.freeze()
        publishing = ring(product, product.folder / "never")
        assert publishing.wait(timedelta(seconds=10)) != 0
        assert "OperationalError" in publishing.output()
