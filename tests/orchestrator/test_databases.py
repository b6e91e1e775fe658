import re
import sqlite3
from contextlib import closing

import psycopg
import pytest
from django.db import connection, transaction

from orchestrator import databases
from sagas.conf import conf


def parsed(engine, **more):
    return {"ENGINE": f"django.db.backends.{engine}", "NAME": "orders", **more}


def test_an_option_in_the_address_wins():
    settings = databases.configured(parsed("postgresql", OPTIONS={"connect_timeout": 9}), pool_size=10)
    assert settings["OPTIONS"]["connect_timeout"] == 9
    assert "lock_timeout" in settings["OPTIONS"]["options"]


def test_a_pool_of_zero_is_no_pool():
    assert databases.configured(parsed("postgresql"), pool_size=3)["OPTIONS"]["pool"]["max_size"] == 3
    assert "pool" not in databases.configured(parsed("postgresql"), pool_size=0)["OPTIONS"]


def test_another_kind_of_database_is_refused_with_a_sentence():
    with pytest.raises(ValueError, match=r"DATABASE_URL names .*mysql.* PostgreSQL and SQLite only"):
        databases.configured(parsed("mysql"), pool_size=10)


def test_the_folder_of_the_sqlite_file_is_made(tmp_path):
    databases.sqlite_file(tmp_path / "new" / "orders.sqlite3")
    assert (tmp_path / "new").is_dir()


def test_sqlite_survives_a_power_cut_and_waits_for_other_writers(tmp_path):
    settings = databases.configured(databases.sqlite_file(tmp_path / "orders.sqlite3"), pool_size=10)
    with closing(sqlite3.connect(settings["NAME"])) as plain:
        for command in settings["OPTIONS"]["init_command"].split(";"):
            plain.execute(command)
        values = {
            name: plain.execute(f"PRAGMA {name}").fetchone()[0]
            for name in ("journal_mode", "synchronous", "busy_timeout")
        }
    full = 2
    assert values == {"journal_mode": "wal", "synchronous": full, "busy_timeout": 30_000}


@pytest.mark.only_on("sqlite")
@pytest.mark.django_db(transaction=True)
def test_a_transaction_on_sqlite_takes_the_write_lock_at_its_begin():
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT 1")
        other = sqlite3.connect(connection.settings_dict["NAME"], timeout=0)
        with closing(other), pytest.raises(sqlite3.OperationalError, match="locked"):
            other.execute("BEGIN IMMEDIATE")


@pytest.mark.only_on("postgresql")
@pytest.mark.parametrize(
    ("bound", "value"),
    [("lock_timeout", "2s"), ("statement_timeout", "30s")],
)
def test_the_server_bounds_every_session(bound, value):
    options = databases.configured(parsed("postgresql"), pool_size=0)["OPTIONS"]["options"]
    server = connection.settings_dict
    where = {name: server[name.upper()] for name in ("host", "port", "user", "password")}
    with psycopg.connect(**where, dbname="postgres", options=options) as session:
        assert session.execute(f"SHOW {bound}").fetchone() == (value,)


def test_a_client_that_is_halted_inside_a_transaction_loses_it_before_it_is_declared_gone():
    assert seconds("idle_in_transaction_session_timeout") < conf().gone_after.total_seconds()


def test_who_waits_for_its_place_and_then_for_a_row_gives_up_before_its_transaction_is_five_seconds_old():
    assert 2 * seconds("lock_timeout") < 5


def seconds(bound: str) -> int:
    options = databases.configured(parsed("postgresql"), pool_size=0)["OPTIONS"]["options"]
    [found] = re.findall(rf"\b{bound}=(\d+)s", options)
    return int(found)
