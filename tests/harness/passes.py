"""`make test`: the passes of the test run, and at the end in plain words what passed and what did not run.

Give the names of passes to run only those: `make test PASS=sqlite`. The order of the tests and all chance in them are
the same in every run; `make test CHANCE=new` draws another.
"""

import os
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

from tests.harness.chance import ALWAYS_NEW
from tests.harness.postgres import Postgres
from tests.harness.service import NotInstalled

IN_PARALLEL = ("-n", "2", "--dist", "worksteal")
NOTHING_COLLECTED = 5
THE_SAME_ORDER = () if ALWAYS_NEW else ("--randomly-seed=1",)


@dataclass(frozen=True, slots=True)
class Pass:
    """One run of pytest over some of the tests."""

    name: str
    title: str
    arguments: tuple[str, ...]
    environment: dict[str, str] = field(default_factory=dict)


RACES = tuple(f"tests/sagas/test_{name}.py" for name in ("concurrency", "races", "crashes", "back", "storms"))

ENGINE = (
    *("tests/sagas", "tests/crashes"),
    *(f"--ignore=tests/sagas/{name}" for name in ("admin", "api", "model", "words", "test_plan_model.py")),
)
"""What a commit of its own for each turn may change."""
APART = ("acceptance", "schedules")  # each has a pass of its own
EVERYTHING = ("tests", *(f"--ignore=tests/{name}" for name in APART), *IN_PARALLEL)
SIDE_BY_SIDE = ("-n", "2", "--dist", "loadgroup")

PASSES = (
    Pass("sqlite", "Everything but real processes, on SQLite", EVERYTHING),
    Pass(
        "postgres",
        "The same on PostgreSQL, but for what asks no database",
        (*EVERYTHING, "-m", "database or only_on"),
        {"TEST_DATABASE": "postgres"},
    ),
    Pass(
        "alone",
        "The engine, races and crashes on PostgreSQL, each turn with a commit of its own",
        (*ENGINE, *IN_PARALLEL, "-m", "commits"),  # within a test's transaction no commit is shared anyway
        {"TEST_DATABASE": "postgres", "SHARED_COMMITS": "0"},
    ),
    Pass(
        "locked",
        "Races and crashes on PostgreSQL, each turn under the lock",
        (*RACES, *IN_PARALLEL),
        {"TEST_DATABASE": "postgres", "ONE_STATEMENT": "0"},
    ),
    Pass("schedules", "Seeded schedules, on SQLite in memory", ("tests/schedules", *IN_PARALLEL)),
    Pass(
        "schedules-pg",
        "Seeded schedules inside PostgreSQL's transactions",
        ("tests/schedules", *IN_PARALLEL),
        {"TEST_DATABASE": "postgres"},
    ),
    Pass("acceptance", "Real processes and services", ("tests/acceptance", *SIDE_BY_SIDE, "-m", "not quiet")),
    Pass("bounds", "Real processes and promised bounds of time", ("tests/acceptance", "-m", "quiet")),
    Pass("soak", "Load and faults on a whole installation, judged by a checker", ("tests/soak/short.py",)),
)


def main(names: list[str]) -> int:
    """Run the passes and return 0 when all that ran passed."""
    if unknown := set(names) - {a_pass.name for a_pass in PASSES}:
        say(f"No such pass: {', '.join(sorted(unknown))}. There are: {', '.join(a_pass.name for a_pass in PASSES)}.")
        return 2
    chosen = [a_pass for a_pass in PASSES if not names or a_pass.name in names]
    outcomes = [(a_pass, run(a_pass)) for a_pass in chosen]
    say("")
    for a_pass, outcome in outcomes:
        say(f"{a_pass.title}: {outcome}")
    return int(any(outcome.startswith("FAILED") for _, outcome in outcomes))


def run(a_pass: Pass) -> str:
    """Run one pass and return its outcome in words; a failure begins with FAILED."""
    say(f"\n=== {a_pass.title}")
    if a_pass.environment.get("TEST_DATABASE") == "postgres" and (reason := why_no_postgres()):
        return f"FAILED, {reason}" if os.environ.get("CI") == "true" else f"NOT RUN, {reason}"
    if not Path(a_pass.arguments[0]).exists():
        return "no tests"
    started = time.monotonic()
    told = ("-q", "--durations=10", "--durations-min=0.5")
    command = [sys.executable, "-m", "pytest", *told, *THE_SAME_ORDER, *a_pass.arguments]
    environment = {"PYTHONHASHSEED": "0", **os.environ, **a_pass.environment}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)  # hundreds of processes would each compile everything anew
    code = subprocess.run(command, env=environment).returncode
    took = f"{time.monotonic() - started:.0f} s"
    return {0: f"passed in {took}", NOTHING_COLLECTED: "no tests"}.get(code, f"FAILED in {took}")


def why_no_postgres() -> str | None:
    """Return a sentence when there is no PostgreSQL to test on."""
    if "DATABASE_URL" in os.environ:
        return None
    try:
        Postgres.find_programs()
    except NotInstalled as error:
        return str(error)
    return None


def say(line: str) -> None:
    """Print at once, so that the order with pytest's own output is kept."""
    print(line, flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
