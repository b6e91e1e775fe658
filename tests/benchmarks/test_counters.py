"""PostgreSQL's counts of what a system did, on a site that counts."""

import psycopg
import pytest

from benchmarks import counters
from benchmarks.site import Site
from tests.harness.postgres import Postgres
from tests.harness.redis import Redis


@pytest.mark.postgres
@pytest.mark.redis
def test_statements_and_transactions_of_one_database_are_counted_once_its_clients_have_gone(
    postgres: Postgres, redis: Redis
):
    with Site(counting=True) as site:
        mine, other = site.postgres.create_database("mine"), site.postgres.create_database("other")
        before = counters.read(site.postgres.url, "mine")
        with psycopg.connect(mine) as connection:
            connection.execute("CREATE TABLE done (step int)")
            for step in range(3):
                connection.execute("INSERT INTO done VALUES (%s)", [step])
            connection.commit()
            connection.execute("SELECT count(*) FROM done")
        with psycopg.connect(other) as connection:
            connection.execute("SELECT 1")
        found = counters.read(site.postgres.url, "mine") - before
    assert found.statements == 5
    assert found.transactions >= 2  # the beginning of a session is one, too
    assert found.flushes >= 1
