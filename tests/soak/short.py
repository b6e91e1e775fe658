"""`make test PASS=soak`: the short soak, in a process of its own; collected only when it is named."""

import os
import sys
from datetime import timedelta
from pathlib import Path

import pytest

from tests.harness.chance import a_seed
from tests.harness.processes import Process
from tests.harness.product import REPOSITORY

NOT_INSTALLED = 3
AT_MOST = timedelta(minutes=30)


def test_the_promises_hold_while_everything_that_can_break_is_broken(tmp_path: Path) -> None:
    seed = str(int(a_seed("SOAK"), 16))
    command = [sys.executable, "-m", "tests.soak", "--profile", "short", "--seed", seed]
    soak = Process("soak", command, log=tmp_path / "soak.log", working_folder=REPOSITORY)
    code = soak.wait(AT_MOST)
    if code == NOT_INSTALLED and os.environ.get("CI") != "true":
        pytest.skip(soak.output().strip().splitlines()[-1])
    assert code == 0, soak.output()[-16_000:]
