"""The talk between the benchmark and a driver in a process of its own."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmarks.driving import Driven, DriverFailed
from benchmarks.work import Flow
from tests.harness.product import REPOSITORY

ENVIRONMENT = {"PYTHONPATH": str(REPOSITORY)}


@pytest.fixture
def driver(tmp_path: Path) -> Iterator[Driven]:
    command = [sys.executable, "-m", "tests.benchmarks.driver"]
    with Driven("a driver", command, log=tmp_path / "log", environment=ENVIRONMENT) as driven:
        yield driven
    assert not driven.process.alive


def test_a_driver_does_what_it_is_asked(driver: Driven):
    assert driver.versions() == {"forgetful": "1"}
    assert driver.burst(Flow.WELL, 10) >= 0
    driver.start(Flow.WELL, 4)
    assert driver.wait() >= 0
    assert len(driver.singles(Flow.WELL, 3)) == 3


def test_what_was_begun_since_the_last_time_is_confirmed_each_under_an_order_of_its_own(driver: Driven):
    driver.burst(Flow.WELL, 10)
    driver.singles(Flow.WELL, 4)
    assert driver.confirmed() == 7
    assert driver.confirmed() == 0


def test_what_a_driver_cannot_do_is_told_in_its_words_and_it_goes_on(driver: Driven):
    with pytest.raises(DriverFailed, match="ValueError: There is nobody to carry it"):
        driver.burst(Flow.REFUSED, 1)
    assert driver.versions()


def test_a_driver_that_dies_is_told(driver: Driven):
    driver.process.kill()
    with pytest.raises(DriverFailed):
        driver.versions()


def test_a_driver_that_does_not_begin_is_told_with_the_end_of_its_log(tmp_path: Path):
    with pytest.raises(DriverFailed, match="No module named benchmarks"):
        Driven(
            "a driver",
            [sys.executable, "-m", "benchmarks.nothing"],
            log=tmp_path / "log",
            environment=ENVIRONMENT,
        )
