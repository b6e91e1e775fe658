"""A crowd of sagas of one definition stands before itself, and before nobody else; priorities are kept.

All of it is told by the order in which sagas began, never by time. `CROWD=10000` makes the crowd larger.
"""

import itertools
import os
import re
import sqlite3
import sys
from contextlib import closing
from datetime import timedelta
from functools import partial
from typing import Any

import httpx
import psycopg
import pytest
from redis import Redis

from tests.harness.migrated import migrated
from tests.harness.postgres import Postgres
from tests.harness.processes import Process
from tests.harness.product import API_KEY, Product
from tests.harness.waiting import wait_until

CROWD = int(os.environ.get("CROWD", "150"))
PATIENCE = timedelta(seconds=120 + CROWD / 20)
NOTHING_ELSE = {
    "DJANGO_SETTINGS_MODULE": "tests.acceptance.crowded.settings",
    "APPS": "tests.acceptance.crowded",
    "SHOP": "off",
}

START = """
import sys, time
from datetime import timedelta
import django
django.setup()
from gateway import doorbell
from sagas import operations
from sagas.engine.dispatch import ring
from sagas.models import Run
from sagas.record import clock
from sagas.record.turn import Bell

for each in sys.argv[1:]:
    definition, number, priority = each.split(",")
    for _ in range(int(number)):
        operations.start(definition, actor="a test", priority=int(priority))
missed = 0
while not doorbell.flush(timedelta(seconds=120)) or doorbell.tally().failed + doorbell.tally().dropped > missed:
    time.sleep(6)  # the broker was too slow for a doorbell
    missed = doorbell.tally().failed + doorbell.tally().dropped
    ring(Bell.of(run, clock.now(), run.saga.definition) for run in Run.objects.select_related("saga").order_by("pk"))
"""

BEGUN = """
SELECT s.definition, s.priority FROM sagas_run r JOIN sagas_saga s ON s.id = r.saga_id
 WHERE r.started_at IS NOT NULL ORDER BY r.started_at, r.id
"""

BEGUN_BEFORE_IT = """
SELECT count(*) FROM sagas_run r JOIN sagas_saga s ON s.id = r.saga_id WHERE s.priority = 0 AND r.started_at < (
    SELECT max(j.at) FROM sagas_journal j JOIN sagas_saga l ON l.id = j.saga_id
    WHERE l.priority < 0 AND j.moves::text LIKE '%claimed%')
"""

Kind = tuple[str, int]
CROWDED, FRESH, URGENT, PATIENT = ("crowd", 0), ("other", 0), ("crowd", 1), ("other", -1)
"""One of the crowd; another definition's; one of the crowd with a high priority; another's with a low one."""
LOST = ("crowd", -1)
"""One that would come last, if it were not for its worker, which died."""
LATECOMERS = {PATIENT: 1, FRESH: 1, URGENT: 3}

numbers = itertools.count(1)


@pytest.fixture
def database(postgres: Postgres) -> str:
    return migrated(postgres, f"fair{next(numbers)}")


def start(product: Product, sagas: dict[Kind, int]) -> None:
    """Start so many sagas of each kind, one after the other, and ring for all of them."""
    words = [f"{definition},{number},{priority}" for (definition, priority), number in sagas.items()]
    starting = product.start("start", [sys.executable, "-c", START, *words])
    assert starting.wait(PATIENCE) == 0, starting.output()


def all_begin(database: str, number: int) -> list[Kind]:
    """The sagas in the order in which they began, once all have."""

    def begun() -> list[Any]:
        with psycopg.connect(database) as connection:
            rows = connection.execute(BEGUN).fetchall()
        return rows if len(rows) == number else []

    return wait_until(begun, "all sagas begin", PATIENCE)


def is_fair(begun: list[Kind], slots: int, turns: int) -> None:
    """The order is what it should be, but for those that so many slots hold at the same moment.

    `turns` is how many more of the crowd may have been served before it was the turn of the other definition.
    """
    urgent = [place for place, kind in enumerate(begun) if kind == URGENT]
    assert urgent[-1] < len(urgent) + slots
    assert begun.index(FRESH) <= len(urgent) + slots + turns
    assert begun.index(PATIENT) >= len(begun) - slots


@pytest.mark.parametrize(("pool", "slots"), [("prefork", 2), ("threads", 8)])
@pytest.mark.parametrize(("broker", "turns"), [("redis", 2), ("rabbitmq", 60)])
def test_a_crowd_delays_no_other_and_priorities_are_kept(request, database, broker, turns, pool, slots):
    """Kills: one queue for all definitions; ranks nobody looks at; lanes that hide the ranks of each other.

    Redis serves lanes strictly in turn. RabbitMQ draws lots between those that have messages, here two: that one of
    them is passed over sixty times does not happen.
    """
    broker_url = request.getfixturevalue(broker).url
    with Product(database_url=database, broker_url=broker_url, environment=NOTHING_ELSE) as product:
        start(product, {CROWDED: CROWD, **LATECOMERS})
        product.worker(pool=pool, concurrency=slots)
        is_fair(all_begin(database, CROWD + 5), slots, turns)


def test_what_a_killed_worker_held_is_begun_again_before_all_that_waits(redis, database):
    """Kills: letting what was taken back wait at the end of the line. Both slots are held until its bell was rung."""
    with Product(database_url=database, broker_url=redis.url, environment=NOTHING_ELSE) as product:
        gate = {"GATE": str(product.folder / "gate")}
        start(product, {LOST: 1})
        with psycopg.connect(database, autocommit=True) as connection:
            held = partial(connection.execute, "SELECT count(*) FROM sagas_run WHERE work = 'running'")
            killed = product.worker(pool="prefork", concurrency=1, environment=gate)
            wait_until(lambda: held().fetchone() == (1,), "it is begun", PATIENCE)
            killed.kill()
            start(product, {CROWDED: 40})
            product.worker(pool="prefork", concurrency=2, environment=gate)
            with Redis.from_url(redis.url) as bells:
                wait_until(lambda: bells.llen("sagas:crowd") == 1, "it is rung for as what comes first", PATIENCE)
            assert held().fetchone() == (2,)
            (product.folder / "gate").touch()
            all_begin(database, 41)
            [(before,)] = connection.execute(BEGUN_BEFORE_IT)
        assert before <= 2 + 2  # what was held at the gate, and what was begun at the same moment


def test_the_look_at_the_door_is_fair_as_well(redis, database):
    """Kills: a look that takes whatever has been due for longest."""
    environment = {**NOTHING_ELSE, "AT_THE_DOOR": "yes"}
    with Product(database_url=database, broker_url=redis.url, environment=environment) as product:
        start(product, {CROWDED: CROWD, **LATECOMERS})
        redis.flush()
        product.worker(pool="prefork", concurrency=2)
        is_fair(all_begin(database, CROWD + 5), slots=2, turns=2)


def test_one_process_without_a_broker_is_fair_as_well():
    """Kills: ranks that only Redis keeps. Both its slots are held until everybody is there."""
    with Product(database_url="", broker_url="memory://", environment=NOTHING_ELSE) as product:
        del product.environment["DATABASE_URL"]
        gate = product.folder / "gate"
        up = product.up("--concurrency", "2", environment={"GATE": str(gate)})
        start_over_rest(up, {CROWDED: 40, **LATECOMERS})
        wait_until(lambda: len(begun_in_sqlite(product)) == 2, "both slots are held", PATIENCE)
        gate.touch()
        wait_until(lambda: len(begun_in_sqlite(product)) == 45, "all sagas begin", PATIENCE)
        begun = begun_in_sqlite(product)
        assert begun[:2] == [CROWDED, CROWDED]
        is_fair(begun[2:], slots=2, turns=2)


def start_over_rest(up: Process, sagas: dict[Kind, int]) -> None:
    url = re.search(r"is running at (\S+)", up.output()).group(1)
    with httpx.Client(base_url=url, headers={"Authorization": f"Bearer {API_KEY}"}, timeout=60) as api:
        for (definition, priority), number in sagas.items():
            for _ in range(number):
                given = {"definition": definition, "priority": priority}
                assert api.post("/api/v1/sagas/", json=given).status_code == 201


def begun_in_sqlite(product: Product) -> list[Kind]:
    with closing(sqlite3.connect(product.folder / "orchestrator.sqlite3")) as connection:
        return connection.execute(BEGUN).fetchall()
