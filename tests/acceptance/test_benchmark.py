"""The benchmark can still measure the coordinator as it is: it knows its operations, its rows and its tables."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.harness.postgres import Postgres
from tests.harness.product import REPOSITORY
from tests.harness.redis import Redis

SMALL = ("--quick", "--rounds", "1", "--sagas", "20", "--singles", "5", "--no-counts")


@pytest.mark.postgres
@pytest.mark.redis
def test_every_result_is_found_again(postgres: Postgres, redis: Redis, tmp_path: Path):
    file = tmp_path / "found.json"
    command = [sys.executable, "-m", "benchmarks", *SMALL, "--systems", "ours", "limit", "chain", "--json", str(file)]
    done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-4000:]
    found = json.loads(file.read_text())
    assert found["not_measured"] == {}
    kinds = {(one["system"], one["kind"]) for one in found["measurements"]}
    assert kinds == {
        ("ours", "burst"),
        ("ours", "singles"),
        ("chain", "burst"),
        ("chain", "singles"),
        ("limit", "limit"),
    }
    assert set(found["summary"]["limit_ratios"]["ours"]) == {"four statements", "one statement"}
    assert {"django", "celery"} <= found["versions"]["ours"].keys()
    assert found["postgresql"]["fsync"] == "on"
