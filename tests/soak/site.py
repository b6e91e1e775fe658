"""What a fault needs: the scene, where to note what was under way, and ways to catch a worker at work."""

import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random
from typing import Any

from tests.harness.waiting import TooLate, wait_until
from tests.soak.operator import Operator
from tests.soak.scene import Scene
from tests.soak.supervisor import Member

CATCH_WITHIN = timedelta(seconds=60)
TAKEN_WITHIN = timedelta(seconds=90)
CLOCK = "SELECT clock_timestamp() AS at"
IN_HAND = """
    SELECT id, saga_id, path, item, fence FROM sagas_run WHERE work = 'running' AND worker = ANY(%s::uuid[])
"""
LATE = "SELECT count(*) FROM sagas_journal WHERE moves::text LIKE '%%\"late\"%%' AND at > %s"
SPEAKS_WITHIN = timedelta(seconds=30)
STILL_THEIRS = """
    SELECT count(*) FROM sagas_run
    WHERE work = 'running' AND (id, fence) IN (SELECT * FROM unnest(%s::bigint[], %s::int[]))
"""


@dataclass(frozen=True, kw_only=True)
class Loss:
    """A process was killed, or halted until its work was given to others: when, by the database, and what it held."""

    kind: str
    at: datetime
    runs: Sequence[dict[str, Any]]
    killed: bool


class Site:
    """A scene under disturbance. `hold` keeps a fault up for some seconds, cut short when the soak is to end."""

    def __init__(self, scene: Scene, operator: Operator | None = None) -> None:
        self.scene, self._operator = scene, operator
        self.losses: list[Loss] = []
        self.ending = threading.Event()

    @property
    def operator(self) -> Operator:
        """Who holds participants. Raises where there is nobody."""
        if self._operator is None:
            raise RuntimeError("Nobody can hold a participant here.")
        return self._operator

    def hold(self, seconds: float) -> None:
        self.ending.wait(seconds)

    def wait_for_worker(self, member: Member) -> None:
        """Return when a worker takes steps."""
        wait_until(lambda: self.scene.workers_of(member), f"{member.name} is known", TAKEN_WITHIN)

    def at_work(self, member: Member) -> tuple[datetime, list[dict[str, Any]]]:
        """Halt a member while it has something in its hands, for as long as it takes to find it so; when, and what."""
        until = time.monotonic() + CATCH_WITHIN.total_seconds()
        while True:
            workers = self.scene.workers_of(member)
            member.process.freeze()
            found = self.scene.rows(IN_HAND, workers)
            if found or time.monotonic() > until or not member.process.alive:
                return self.scene.number(CLOCK), found
            member.process.thaw()
            time.sleep(0.1)

    def pids_at_work(self, member: Member, runs: Sequence[dict[str, Any]], chance: Random) -> list[int]:
        """The processes of a pool that have these runs in their hands."""
        sql = "SELECT name FROM sagas_worker w JOIN sagas_run r ON r.worker = w.id WHERE r.id = ANY(%s)"
        names = [row["name"] for row in self.scene.rows(sql, [run["id"] for run in runs])]
        return [int(name.rpartition(":")[2]) for name in names]

    def wait_until_it_speaks(self, at: datetime) -> str:
        """Wait until one that was frozen says what came of its work; a note if it does not."""
        try:
            wait_until(lambda: self.scene.number(LATE, at), "it speaks", SPEAKS_WITHIN)
        except TooLate:
            return ", silent afterwards"
        return ""

    def lose(self, kind: str, at: datetime, runs: list[dict[str, Any]], *, killed: bool) -> str:
        """Note it, and wait until the work is somebody else's."""
        self.losses.append(Loss(kind=kind, at=at, runs=runs, killed=killed))
        ids, fences = [run["id"] for run in runs], [run["fence"] for run in runs]
        try:
            wait_until(lambda: not self.scene.number(STILL_THEIRS, ids, fences), "it is taken over", TAKEN_WITHIN)
        except TooLate:  # the checker will say so
            return f"{len(runs)} in hand, not taken over"
        return f"{len(runs)} in hand"
