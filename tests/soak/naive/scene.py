"""The chains' installation: workers, Redis and the participants, with the proxy between them. There is no database."""

import json
import os
import sys
import time
from collections.abc import Sequence
from contextlib import ExitStack
from datetime import datetime
from functools import partial
from pathlib import Path
from random import Random
from typing import Any

from tests.harness.processes import Process, folder
from tests.harness.product import PROGRAMS, REPOSITORY
from tests.soak.disturbed import now
from tests.soak.scene import WORKERS, Scene
from tests.soak.site import Site
from tests.soak.supervisor import Member

FROZEN = 12.0
APP = "tests.soak.naive.tasks"


class NaiveScene(Scene):
    """Workers of the chains in the places of the product's."""

    def launch_worker(self, name: str, pool: str, concurrency: int, **environment: str) -> Process:
        command = [str(PROGRAMS / "celery"), "-A", APP, "worker", "--pool", pool, "--concurrency", str(concurrency)]
        command += ["--hostname", f"{name}@%h", "--loglevel", "WARNING"]
        return Process(
            name,
            command,
            log=self.logs / f"{name}.log",
            environment={**os.environ, **self.environment, **environment},
            working_folder=REPOSITORY,
        )

    def _produce(self, stack: ExitStack) -> None:
        self.logs: Path = folder("naive")
        self.environment = {
            "PYTHONPATH": str(REPOSITORY),
            "BROKER_URL": f"redis://127.0.0.1:{self.gates.port('broker')}/0",
            "SAGA_SERVICES": json.dumps(self.services),
        }
        for name, pool in (("p1", "prefork"), ("t1", "threads"), ("t2", "threads")):
            launch = partial(self.launch_worker, name, pool, WORKERS[pool])
            self.supervisor.add(name, f"worker {pool}", launch)
        stack.callback(self._end)
        self.supervisor.start()

    def _end(self) -> None:
        for member in self.supervisor.members:
            member.process.kill()


class NaiveSite(Site):
    """Nobody knows what a worker of the chains has in its hands, and nobody takes it over."""

    def at_work(self, member: Member) -> tuple[datetime, list[dict[str, Any]]]:
        member.process.freeze()
        return now(), []

    def pids_at_work(self, member: Member, runs: Sequence[dict[str, Any]], chance: Random) -> list[int]:
        return [chance.choice(children)] if (children := member.process.children()) else []

    def lose(self, kind: str, at: datetime, runs: list[dict[str, Any]], *, killed: bool) -> str:
        if not killed:
            self.hold(FROZEN)
        return "nobody knows what was in hand"

    def wait_until_it_speaks(self, at: datetime) -> str:
        return ""


def wait_until_quiet(ledgers: Path, quiet: float, within: float) -> None:
    """Return when the participants were not called for a while."""
    last, since, until = -1, time.monotonic(), time.monotonic() + within
    while time.monotonic() - since < quiet and time.monotonic() < until:
        size = sum(path.stat().st_size + path.stat().st_mtime_ns for path in ledgers.glob("*.sqlite3-wal"))
        if size != last:
            last, since = size, time.monotonic()
        time.sleep(0.5)


def use(environment: dict[str, str]) -> Any:
    """The chains' tasks, for whoever starts them in this process."""
    os.environ.update(environment)
    sys.path.insert(0, str(REPOSITORY))
    from tests.soak.naive import tasks

    return tasks
