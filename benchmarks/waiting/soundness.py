"""Is a pool sound? Disturb it while steps are in flight, and look at what the participant and the journal say.

database   the database is restarted at once: no attempt fails, and every key is seen once
kill -9    a worker dies with every slot in flight: another takes over, only what was in flight is seen twice
stop       SIGTERM with steps in flight: they are recorded, nothing is seen twice, and the worker ends with 0
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta

from benchmarks.site import Site
from benchmarks.waiting.pools import Pool
from benchmarks.waiting.sagas import STEPS
from benchmarks.waiting.stage import COMPLETED, CONNECTIONS, LONG, RECORDED_TWICE, TRIED_AGAIN, Stage
from benchmarks.waiting.trial import PAUSE
from benchmarks.waiting.watch import watched
from tests.harness.waiting import wait_until


@dataclass(frozen=True, kw_only=True)
class Proof:
    """What was found wrong after one disturbance; nothing is what one hopes for."""

    pool: str
    disturbance: str
    faults: tuple[str, ...]


def proofs(site: Site, pool: Pool, sagas: int) -> Iterator[Proof]:
    """Disturb the pool in every way."""
    ways: dict[str, Callable[[Stage, int], list[str]]] = {
        "database": _restart_the_database,
        "kill -9": _kill_a_worker,
        "stop": _stop_a_worker,
    }
    for name, disturb in ways.items():
        with Stage(site, pool) as stage:
            try:
                faults = disturb(stage, sagas)
            except AssertionError as error:
                faults = [str(error)]
            yield Proof(pool=pool.name, disturbance=name, faults=tuple(faults))


def _restart_the_database(stage: Stage, sagas: int) -> list[str]:
    stage.slow.expect(pause=PAUSE)
    stage.begin(sagas)
    stage.work()
    with watched(stage.pids, stage.site.postgres.url, stage.database) as most:
        wait_until(lambda: stage.slow.seen().answered > sagas, "the work is under way", LONG)
        stage.site.postgres.restart_immediately()
        stage.all_end()
    faults = _left_behind(stage, sagas)
    if tried_again := stage.number(TRIED_AGAIN):
        faults.append(f"{tried_again} steps were tried again")
    if most.connections > stage.pool.processes * CONNECTIONS:
        faults.append(f"{most.connections} connections were open")
    return faults + _repeated(stage, allowed=0)


def _kill_a_worker(stage: Stage, sagas: int) -> list[str]:
    slots = min(sagas, stage.pool.slots)
    stage.slow.expect(pause=PAUSE, gate=slots)
    stage.begin(sagas)
    stage.work()
    stage.wait_until_inside(slots)
    for worker in stage.workers:
        worker.kill()
    stage.workers.clear()
    stage.slow.lift()
    stage.work()
    stage.all_end()
    return _left_behind(stage, sagas) + _repeated(stage, allowed=slots)


def _stop_a_worker(stage: Stage, sagas: int) -> list[str]:
    stage.slow.expect(pause=timedelta(seconds=2))
    stage.begin(sagas)
    stage.work()
    stage.wait_until_inside(min(sagas, stage.pool.slots) // 2)
    codes = [worker.stop(within=timedelta(seconds=60)) for worker in stage.workers]
    stage.workers.clear()
    stage.slow.hurry(PAUSE)
    stage.work()
    stage.all_end()
    faults = [f"a worker ended with {code}" for code in codes if code]
    return faults + _left_behind(stage, sagas) + _repeated(stage, allowed=0)


def _left_behind(stage: Stage, sagas: int) -> list[str]:
    completed, twice = stage.number(COMPLETED), stage.number(RECORDED_TWICE)
    keys = len(stage.slow.seen().visits)
    faults = [f"{completed} of {sagas} sagas completed"] if completed != sagas else []
    faults += [f"{keys} keys for {sagas * STEPS} steps"] if keys != sagas * STEPS else []
    return faults + ([f"{twice} results were recorded twice"] if twice else [])


def _repeated(stage: Stage, *, allowed: int) -> list[str]:
    repeated = stage.slow.seen().repeated
    faults = [f"{len(repeated)} keys were seen more than once"] if len(repeated) > allowed else []
    often = max(repeated.values(), default=0)
    return faults + ([f"a key was seen {often} times"] if often > 2 else [])
