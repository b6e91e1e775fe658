"""Environments of the peers' own, under var/: their packages never meet ours."""

import subprocess
import sys
from pathlib import Path

from benchmarks.system import Unavailable
from tests.harness.product import REPOSITORY
from tests.harness.service import NotInstalled, program

PLACE = REPOSITORY / "var" / "benchmarks"
REQUIREMENTS = Path(__file__).parent / "requirements"


def python_environment(peer: str) -> Path:
    """The folder of programs of an environment with a peer's Python packages, made when it is not there or outdated."""
    wanted = REQUIREMENTS / f"{peer}.txt"
    place = PLACE / f"{peer}-{sys.version_info.major}.{sys.version_info.minor}"
    installed = place / "installed.txt"
    if not installed.exists() or installed.read_text() != wanted.read_text():
        _run(peer, sys.executable, "-m", "venv", "--clear", "--without-pip", str(place))
        pip = (sys.executable, "-m", "pip", "--python", str(place / "bin" / "python"))
        _run(peer, *pip, "install", "--quiet", "--requirement", str(wanted))
        installed.write_text(wanted.read_text())
    return place / "bin"


def npm_program(peer: str, package: str, version: str, name: str) -> Path:
    """A program of an npm package; its scripts are not run at installation."""
    place = PLACE / f"{peer}-npm-{version}"
    found = place / "node_modules" / ".bin" / name
    if not found.exists():
        try:
            npm = program("npm")
        except NotInstalled:
            raise Unavailable(f"{package} is an npm package, and npm is not installed") from None
        place.mkdir(parents=True, exist_ok=True)
        options = ("--ignore-scripts", "--no-audit", "--no-fund", "--loglevel", "error")
        _run(peer, npm, "install", *options, "--prefix", str(place), f"{package}@{version}")
    return found


def _run(peer: str, *command: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        said = [line for line in (done.stdout + done.stderr).splitlines() if line.strip()]
        raise Unavailable(f"the packages of {peer} cannot be installed: {' | '.join(said[-3:])}")
