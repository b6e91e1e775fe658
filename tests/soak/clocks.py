"""A wall clock that is an hour off, for one process: a few lines of C that are preloaded into it."""

import os
import shutil
import subprocess
from datetime import timedelta
from functools import cache
from pathlib import Path

from tests.harness.processes import folder

SOURCE = Path(__file__).with_name("clock.c")
HOUR = timedelta(hours=1)


@cache
def library() -> Path | None:
    """The library, built when it is first asked for; None where there is no C compiler."""
    compiler = shutil.which(os.environ.get("CC", "cc"))
    if compiler is None:
        return None
    built = folder("clock") / "clock.so"
    subprocess.run([compiler, "-shared", "-fPIC", "-O2", "-o", built, SOURCE, "-ldl"], check=True)
    return built


def off_by(difference: timedelta) -> dict[str, str]:
    """The environment of a process whose wall clock is off by so much."""
    return {"LD_PRELOAD": str(library()), "OFF_BY": str(int(difference.total_seconds()))}
