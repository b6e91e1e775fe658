"""The bill of processor time and memory holds everything that a system starts."""

import os
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest

from benchmarks import processor
from tests.harness.processes import Process
from tests.harness.waiting import wait_until

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")

BURN = "import time\nwhile time.process_time() < 0.5: pass"
PARENT = "import subprocess, sys; subprocess.run(['sleep', '600'])"


def test_children_are_found_below_their_parent(tmp_path: Path):
    parent = Process("a parent", [sys.executable, "-c", PARENT], log=tmp_path / "log")
    try:
        wait_until(parent.children, "it has a child", timedelta(seconds=60))
        assert processor.tree([parent.pid]) == {parent.pid, *parent.children()}
        assert processor.memory([parent.pid]) > processor.memory(parent.children()) > 0
    finally:
        parent.kill()


def test_what_a_child_used_before_it_ended_stays_on_the_bill():
    before, machine = processor.seconds([os.getpid()]), processor.machine_seconds()
    subprocess.run([sys.executable, "-c", BURN], check=True)
    assert processor.seconds([os.getpid()]) - before >= 0.3
    assert processor.machine_seconds() - machine >= 0.1


def test_a_process_that_is_gone_costs_nothing():
    gone = subprocess.Popen(["true"])
    gone.wait()
    assert processor.seconds([gone.pid]) == 0
    assert processor.memory([gone.pid]) == 0
