"""One pool, measured: first with every slot in flight at the same time, then with sagas that run through."""

from dataclasses import dataclass
from datetime import timedelta

from benchmarks import processor
from benchmarks.site import Site
from benchmarks.waiting.pools import Pool
from benchmarks.waiting.sagas import STEPS
from benchmarks.waiting.stage import COMPLETED, CONNECTIONS, TRIED_AGAIN, Stage
from benchmarks.waiting.watch import watched

PAUSE = timedelta(milliseconds=200)
WAVES = 10
"""As many sagas for each slot at most, so that a small pool need not take minutes."""


@dataclass(frozen=True, kw_only=True)
class Trial:
    """What one pool did. Memory in bytes, of all worker processes together; times in seconds."""

    pool: str
    slots: int
    processes: int
    at_rest: int
    in_flight: int
    full: int
    sagas: int
    completed: int
    seconds: float
    most: int
    mean: float
    peak: int
    connections: int
    processor: float
    tried_again: int
    repeated: int
    complaints: tuple[str, ...]

    @property
    def rate(self) -> float:
        """Sagas in a second."""
        return self.sagas / self.seconds

    @property
    def processor_per_step(self) -> float:
        return self.processor / (self.sagas * STEPS)

    @property
    def memory_per_step(self) -> float:
        """Bytes that a step in flight costs, beyond a worker at rest."""
        return (self.full - self.at_rest) / self.in_flight if self.in_flight else 0.0

    @property
    def faults(self) -> list[str]:
        """What went wrong, if anything did: every saga completes at its first attempts, and every key is seen once."""
        found = {
            "sagas did not complete": self.sagas - self.completed,
            "steps were tried again": self.tried_again,
            "keys were seen more than once": self.repeated,
            "connections too many": max(self.connections - self.processes * CONNECTIONS, 0),
            "complaints in the logs": len(self.complaints),
        }
        return [f"{number} {what}" for what, number in found.items() if number]


def trial(site: Site, pool: Pool, sagas: int) -> Trial:
    """Measure one pool with at most so many sagas."""
    with Stage(site, pool) as stage:
        stage.work()
        stage.slow.expect(pause=timedelta(0))
        stage.begin(2 * pool.processes)
        stage.all_end()
        at_rest = stage.memory
        stage.slow.expect(pause=PAUSE, gate=pool.slots)
        with watched(stage.pids, site.postgres.url, stage.database) as most:
            in_flight, full = _full_house(stage)
            through = min(sagas, WAVES * pool.slots)
            before = stage.number(COMPLETED)
            with stage.frozen():
                stage.begin(through)
            stage.slow.expect(pause=PAUSE)
            used = processor.seconds(stage.pids)
            stage.all_end()
            used = processor.seconds(stage.pids) - used
        seen = stage.slow.seen()
        return Trial(
            pool=pool.name,
            slots=pool.slots,
            processes=pool.processes,
            at_rest=at_rest,
            in_flight=in_flight,
            full=full,
            sagas=through,
            completed=stage.number(COMPLETED) - before,
            seconds=seen.span,
            most=seen.most,
            mean=seen.mean,
            peak=most.memory,
            connections=most.connections,
            processor=used,
            tried_again=stage.number(TRIED_AGAIN),
            repeated=len(seen.repeated),
            complaints=tuple(stage.complaints()),
        )


def _full_house(stage: Stage) -> tuple[int, int]:
    """Have a step in flight in every slot: how many were, and what memory they took."""
    stage.begin(stage.pool.slots)
    stage.wait_until_inside(stage.pool.slots)
    inside, memory = stage.slow.seen().inside, stage.memory
    stage.slow.lift()
    stage.all_end()
    return inside, memory
