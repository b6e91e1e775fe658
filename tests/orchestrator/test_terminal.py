"""What keeps a command from its work is a sentence at the terminal, and no traceback."""

import os
import subprocess
import sys

import pytest
from django.db import IntegrityError, InterfaceError, OperationalError, ProgrammingError, connection

from gateway import outage
from tests.harness.product import REPOSITORY

NOBODY = "postgres://shop@127.0.0.1:1/shop"


def manage(*words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    inherited = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    return subprocess.run(
        [sys.executable, "manage.py", *words],
        capture_output=True,
        text=True,
        cwd=REPOSITORY,
        env={**inherited, "LOG_LEVEL": "ERROR", **environment},
        timeout=300,
    )


def test_a_database_that_does_not_answer_is_one_sentence(tmp_path):
    done = manage("migrate", DATABASE_URL=NOBODY, DATABASE_POOL="0", DATA_DIR=str(tmp_path))
    assert done.returncode != 0
    assert "Traceback" not in done.stderr
    assert "The database does not answer: " in done.stderr
    assert done.stderr.strip().endswith("See whether it runs, and where DATABASE_URL leads.")


def test_a_database_without_tables_says_which_command_makes_them(tmp_path):
    done = manage("saga", "list", DATA_DIR=str(tmp_path))
    assert done.returncode == 2
    assert done.stderr.strip().endswith("run manage.py migrate.")


def test_a_setting_that_cannot_be_is_one_sentence(tmp_path):
    done = manage("check", APPS="trps", DATA_DIR=str(tmp_path))
    assert done.returncode == 1
    assert done.stderr.startswith("APPS names 'trps', and Python finds no package of that name")


@pytest.mark.django_db
@pytest.mark.parametrize("statement", ["SELECT * FROM no_such_table", "SELECT no_such_column FROM sagas_saga"])
def test_what_is_missing_is_told_from_what_is_away(statement):
    with pytest.raises((OperationalError, ProgrammingError)) as error, connection.cursor() as cursor:
        cursor.execute(statement)
    assert outage.sentence(error.value).startswith("The database lacks what this code needs (")


def test_other_errors_are_no_outage():
    assert outage.sentence(IntegrityError("a key is there already")) is None
    assert outage.sentence(ValueError("no")) is None
    assert outage.sentence(InterfaceError("the connection is closed")).startswith("The database does not answer: ")
