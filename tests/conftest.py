"""Fixtures for everybody: the services that tests own, started when the first test asks for one."""

import os
import signal
from collections.abc import Iterator
from typing import Any, NoReturn, TypeVar

import hypothesis
import pytest
from django.db import connection

from sagas.engine.transport import transport
from tests.harness.chance import ALWAYS_NEW
from tests.harness.emptying import Emptying
from tests.harness.postgres import Postgres
from tests.harness.rabbitmq import RabbitMQ
from tests.harness.redis import Redis
from tests.harness.service import NotInstalled, Service

IN_CI = os.environ.get("CI", "").lower() in ("1", "true")

# The same examples each time, and no opinion on how fast they are made or tried: that is up to the machine's load.
UNHURRIED = {"deadline": None, "suppress_health_check": [hypothesis.HealthCheck.too_slow]}
hypothesis.settings.register_profile("tests", derandomize=not ALWAYS_NEW, database=None, **UNHURRIED)
hypothesis.settings.load_profile("tests")

AnyService = TypeVar("AnyService", bound=Service)


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup: None, django_db_blocker: Any) -> None:
    """Empty the test database in our own way, once it is there."""
    with django_db_blocker.unblock():
        Emptying()


@pytest.fixture(scope="session")
def _postgres() -> Iterator[Postgres]:
    yield from _served(Postgres)


@pytest.fixture(scope="session")
def _redis() -> Iterator[Redis]:
    yield from _served(Redis)


@pytest.fixture(scope="session")
def _rabbitmq() -> Iterator[RabbitMQ]:
    yield from _served(RabbitMQ)


@pytest.fixture
def postgres(_postgres: Postgres) -> Postgres:
    """A running PostgreSQL server (fsync on) that the test may kill; the next test gets it running again."""
    return awake(_postgres)


@pytest.fixture
def redis(_redis: Redis) -> Redis:
    """A running Redis server that the test may kill, and that is empty at its begin."""
    awake(_redis).flush()
    return _redis


@pytest.fixture
def rabbitmq(_rabbitmq: RabbitMQ) -> RabbitMQ:
    """A running RabbitMQ server that the test may kill; use queue names of your own, it is not emptied."""
    return awake(_rabbitmq)


def pytest_configure(config: pytest.Config) -> None:
    """Let SIGTERM end the run like an exception, so that nothing is left behind."""
    signal.signal(signal.SIGTERM, _end)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave tests for the other database to its own pass, and mark each with what it asks for."""
    others = [
        item for item in items if (mark := item.get_closest_marker("only_on")) and connection.vendor not in mark.args
    ]
    if others:
        config.hook.pytest_deselected(items=others)
        items[:] = [item for item in items if item not in others]
    for item in items:
        for name in _what_it_asks_for(item):
            item.add_marker(name)


def pytest_sessionfinish() -> None:
    """Close what is kept open for the next call, rather than let the interpreter complain of it at its end."""
    transport().close()


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Say plainly, at the very end, which tests did not run and why."""
    skipped = terminalreporter.stats.get("skipped", [])
    if skipped:
        terminalreporter.write_sep("!", f"{len(skipped)} tests were NOT run", red=True, bold=True)
        reasons = {
            str(report.longrepr[2] if isinstance(report.longrepr, tuple) else report.longrepr) for report in skipped
        }
        for reason in sorted(reasons):
            terminalreporter.write_line(reason)


def _what_it_asks_for(item: pytest.Item) -> Iterator[str]:
    fixtures = set(getattr(item, "fixturenames", ()))
    yield from fixtures & {"postgres", "redis", "rabbitmq"}
    mark = item.get_closest_marker("django_db")
    if mark or fixtures & {"db", "transactional_db", "live_server"}:
        yield "database"
    if (mark and mark.kwargs.get("transaction")) or fixtures & {"transactional_db", "live_server"}:
        yield "commits"


def _served(kind: type[AnyService]) -> Iterator[AnyService]:
    try:
        service = kind()
    except NotInstalled as error:
        if IN_CI:
            pytest.fail(f"{error} With CI=true a missing service is an error.", pytrace=False)
        pytest.skip(str(error))
    service.start()
    yield service
    service.kill()


def awake(service: AnyService) -> AnyService:
    """The service, running whatever the test before did to it."""
    if service.running:
        service.thaw()
    service.start()
    return service


def _end(number: int, frame: object) -> NoReturn:
    pytest.exit("ended by SIGTERM", returncode=128 + number)  # unlike sys.exit, it ends more than the running test
