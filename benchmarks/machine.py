"""What machine this is, as far as it matters to a reader of the figures."""

import os
import platform
import shutil
import subprocess
import tempfile
from pathlib import Path

from tests.harness.product import REPOSITORY


def described() -> dict[str, object]:
    """Processor, memory, kernel, and on what kind of file system the databases lie."""
    return {
        "processor": _first(Path("/proc/cpuinfo"), "model name"),
        "processors": len(os.sched_getaffinity(0)),
        "memory": _first(Path("/proc/meminfo"), "MemTotal"),
        "kernel": platform.release(),
        "store": store(),
    }


def revision() -> str:
    """Which state of the repository was measured; `dirty` when files differ from it."""
    if shutil.which("git") is None:
        return "unknown"
    told = subprocess.run(["git", "describe", "--always", "--dirty"], cwd=REPOSITORY, capture_output=True, text=True)
    return told.stdout.strip() or "unknown"


def store() -> str:
    """The kind of file system under the databases. On `tmpfs` fsync costs nothing, and no figure is worth anything."""
    place = Path(tempfile.gettempdir()).resolve()
    mounts = [line.split()[1:3] for line in Path("/proc/mounts").read_text().splitlines()]
    under = [(len(point), kind) for point, kind in mounts if place.is_relative_to(point)]
    return max(under)[1]


def _first(source: Path, name: str) -> str:
    lines = (line.partition(":") for line in source.read_text().splitlines())
    return next((value.strip() for key, _, value in lines if key.strip() == name), "unknown")
