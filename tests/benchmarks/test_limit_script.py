"""What pgbench is given to write."""

import psycopg
import pytest

from benchmarks.systems.limit_script import as_literal
from tests.harness.postgres import Postgres


def test_nothing_is_null():
    assert as_literal(None) == "NULL"


@pytest.mark.parametrize("text", ["2026-11-21 10:33:26", '{"a": "it\'s"}', "a\\b", "C:\\x3a", ""])
def test_a_literal_has_no_colon_that_pgbench_would_take_for_a_variable(text: str):
    assert ":" not in as_literal(text)


@pytest.mark.postgres
@pytest.mark.parametrize("text", ["2026-11-21 10:33:26", '{"a": "it\'s"}', "a\\b", "C:\\x3a", ""])
def test_postgresql_reads_a_literal_as_what_it_was(postgres: Postgres, text: str):
    with psycopg.connect(postgres.url) as connection:
        assert connection.execute(f"SELECT {as_literal(text)}").fetchone() == (text,)
