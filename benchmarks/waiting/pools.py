"""The ways to run workers that are compared."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from benchmarks.packages import python_environment
from tests.harness.product import REPOSITORY


@dataclass(frozen=True, kw_only=True)
class Pool:
    """So many worker processes with a Celery pool of so many slots each."""

    kind: str
    concurrency: int
    workers: int = 1

    @property
    def name(self) -> str:
        return f"{self.kind}-{self.workers}x{self.concurrency}"

    @property
    def slots(self) -> int:
        return self.workers * self.concurrency

    @property
    def processes(self) -> int:
        """How many processes run steps; each has a connection pool of its own."""
        return self.slots if self.kind == "prefork" else self.workers

    @cached_property
    def environment(self) -> dict[str, str]:
        """What the workers need in their environment: packages that are not ours are laid beside ours.

        psycopg sees by itself that gevent has patched the process; for eventlet it must be told not to wait in C.
        """
        match self.kind:
            case "gevent":
                return {"PYTHONPATH": _beside()}
            case "eventlet":
                return {"PYTHONPATH": _beside(), "PSYCOPG_WAIT_FUNC": "wait_selector"}
        return {}


def _beside() -> str:
    [packages] = python_environment("green").parent.glob("lib/python*/site-packages")
    return f"{REPOSITORY}:{Path(packages)}"


FULL = (
    Pool(kind="prefork", concurrency=2),
    Pool(kind="prefork", concurrency=16),
    Pool(kind="threads", concurrency=32),
    Pool(kind="threads", concurrency=128),
    Pool(kind="threads", concurrency=500),
    Pool(kind="threads", concurrency=32, workers=2),
    Pool(kind="threads", concurrency=250, workers=2),
    Pool(kind="gevent", concurrency=500),
)
QUICK = (
    Pool(kind="prefork", concurrency=2),
    Pool(kind="threads", concurrency=32),
    Pool(kind="threads", concurrency=100),
)
SOUND = (
    Pool(kind="threads", concurrency=500),
    Pool(kind="gevent", concurrency=500),
)
UNSOUND = (Pool(kind="eventlet", concurrency=500),)
"""To be had by name, for whoever wants to see."""
