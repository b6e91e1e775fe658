"""Workers are killed, frozen and woken up again between a step's effect and its record."""

import os
import signal
from datetime import datetime, timedelta
from typing import Any

import pytest

from tests.acceptance.scene import MINUTE, Scene
from tests.harness.processes import Process
from tests.harness.waiting import wait_until

PROMISED = timedelta(seconds=15)


@pytest.mark.quiet
def test_what_killed_workers_did_is_taken_over_in_time_and_charged_once(scene):
    """A whole prefork worker, one child of another, and a worker with threads, each with a charge in its hands."""
    with scene(environment={"APPS": "tests.acceptance.patient"}) as scene:
        scene.shop.switch("payments", "hold_after", path="/charges", times=3)
        held = [held_by(scene, pool) for pool in ("prefork", "prefork", "threads")]
        scene.worker("threads", 3)
        killed = {}
        for (saga, worker, name), whole in zip(held, (True, False, True), strict=True):
            killed[saga] = (kill(scene, worker, None if whole else int(name.rpartition(":")[2])), name)
        scene.shop.release("payments")

        assert scene.all_end() == {"completed": 3}
        took = []
        for saga, (at, name) in killed.items():
            again = taken_over(scene, saga)
            took.append(again["at"] - at)
            assert worker_of(scene, again["worker"]) != name
            assert scene.heard("payments", saga) == 2
            assert scene.applied("payments", saga) == ["action"]
        assert max(took) < PROMISED, took
        assert held[1][1].alive
        assert scene.incidents() == []


def test_a_zombies_late_result_is_refused(scene):
    with scene() as scene:
        scene.shop.switch("stock", "hold_after", path="/reservations")
        [saga] = scene.order()
        zombie = scene.worker("prefork", 1)
        scene.shop.wait_until_held("stock", within=MINUTE)
        zombie.freeze()
        scene.worker("threads", 2)
        scene.shop.release("stock")
        assert scene.all_end() == {"completed": 1}
        before = steps(scene, saga)

        zombie.thaw()
        late = wait_until(
            lambda: [move for move in scene.moves(saga) if move.get("did") == "late"], "it speaks", MINUTE
        )
        assert [move["step"] for move in late] == ["lock_stock"]
        assert steps(scene, saga) == before
        assert scene.states() == {"completed": 1}
        assert scene.heard("stock", saga) == 2
        assert scene.applied("stock", saga) == ["action"]
        assert scene.incidents() == []


def held_by(scene: Scene, pool: str) -> tuple[str, Process, str]:
    """A payment that a worker of its own is making: the saga, that worker, and the name of its process."""
    already = scene.shop.held("payments")
    [saga] = scene.order(definition="payment")
    worker = scene.worker(pool, 1)
    scene.shop.wait_until_held("payments", already + 1, within=MINUTE)
    [run] = scene.rows("SELECT worker FROM sagas_run WHERE saga_id = %s", saga)
    return saga, worker, worker_of(scene, run["worker"])


def steps(scene: Scene, saga: str) -> list[dict[str, Any]]:
    """What is recorded of the saga's steps, but for the note of what came late."""
    return scene.rows(
        "SELECT path, state, undo, work, result, fence FROM sagas_run WHERE saga_id = %s ORDER BY id", saga
    )


def kill(scene: Scene, worker: Process, child: int | None) -> datetime:
    """End the worker with all its processes, or only that child of it; when that was, by the database."""
    [now] = scene.rows("SELECT clock_timestamp() AS at")
    if child is None:
        worker.kill()
    else:
        assert child in worker.children()
        os.kill(child, signal.SIGKILL)
    return now["at"]


def taken_over(scene: Scene, saga: str) -> dict[str, Any]:
    """The move that begins the attempt after the one whose worker was missed."""
    moves = [move for move in scene.moves(saga) if move.get("step") == "charge"]
    missed = next(index for index, move in enumerate(moves) if move.get("code") == "worker_gone")
    return next(move for move in moves[missed:] if move["did"] == "claimed")


def worker_of(scene: Scene, worker: Any) -> str:
    """The name under which a process is registered, with its process id."""
    [row] = scene.rows("SELECT name FROM sagas_worker WHERE id = %s", worker)
    return str(row["name"])
