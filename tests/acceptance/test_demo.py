"""`make demo`, as a newcomer, an impatient one and a build server meet it."""

import os
import signal
import sys
from datetime import timedelta
from pathlib import Path

import pytest

from tests.harness.processes import Process
from tests.harness.product import REPOSITORY

A_WHILE = timedelta(minutes=4)
"""It takes three quarters of a minute on an idle machine, and the machine of a test run is not idle."""


@pytest.fixture
def demo(tmp_path):
    """The demo without a terminal; what a developer has set must not reach it, and what it leaves is in tmp_path."""
    log = tmp_path / "log"
    (tmp_path / "temporary").mkdir()
    environment = os.environ | {
        "TMPDIR": str(tmp_path / "temporary"),
        "DATABASE_URL": "postgres://nobody@127.0.0.1:1/nothing",
        "BROKER_URL": "redis://127.0.0.1:1/0",
        "MODE": "production",
    }
    command = [sys.executable, "-m", "examples.shop.demo"]
    process = Process("demo", command, log=log, environment=environment, working_folder=REPOSITORY)
    yield process
    process.kill()


def left_behind(tmp_path: Path) -> list[Path]:
    return list((tmp_path / "temporary").iterdir())


def is_running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_every_story_of_the_demo_ends_as_it_must(demo, tmp_path):
    assert demo.wait(A_WHILE) == 0, demo.output()
    assert demo.output().splitlines()[-1] == (
        "demo: 13 of 13 sagas ended as expected, each e-mail came once, the ledgers agree."
    )
    assert "\x1b" not in demo.output()
    assert left_behind(tmp_path) == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_stopping_the_demo_stops_all_that_it_started(demo, number, tmp_path):
    demo.wait_until_it_says("sagas begin", A_WHILE)
    started = demo.children()
    assert len(started) == 7  # five services, the notification service and the coordinator
    demo.signal(number)
    assert demo.wait(A_WHILE) == 130
    assert [pid for pid in started if is_running(pid)] == []
    assert left_behind(tmp_path) == []
