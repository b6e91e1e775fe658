"""Workers are killed, frozen and woken up again between a charge's effect and its record."""

import os
import signal
from datetime import timedelta

import pytest

from tests.harness.waiting import wait_until

PROMISED = timedelta(seconds=15)


def taken_over(scene, saga: str):
    """The moves that end the killed attempt and begin the next one of the charge."""
    moves = [move for move in scene.moves(saga) if move.get("step") == "charge"]
    back = next((move for move in moves if move.get("code") == "worker_gone"), None)
    again = next(
        (move for move in moves if back and move["at"] >= back["at"] and move["did"] in ("claimed", "asked")), None
    )
    return back and again


def killed_in_mid_charge(scene, kill, **options):
    """Let a worker die while the participant holds its charge, which has happened; when that was, by the database."""
    scene.shop.switch("payments", "hold_after", path="/charges")
    [saga] = scene.order()
    scene.shop.wait_until_held("payments")
    kill(saga)
    [now] = scene.rows("SELECT clock_timestamp() AS at")
    scene.shop.release("payments")
    again = wait_until(lambda: taken_over(scene, saga), "the step is taken over", timedelta(seconds=60))
    assert again["at"] - now["at"] < PROMISED
    assert scene.all_end() == {"completed": 1}
    assert scene.applied("payments", saga) == ["action"]


@pytest.mark.parametrize("pool", ["prefork", "threads"])
def test_a_killed_workers_step_is_taken_over_and_charged_once(scene, pool):
    with scene() as scene:
        victim = scene.worker(pool, 2)

        def kill(saga: str) -> None:
            scene.worker("threads", 2)
            victim.kill()

        killed_in_mid_charge(scene, kill)


def test_a_killed_prefork_childs_step_is_taken_over_and_charged_once(scene):
    with scene() as scene:
        worker = scene.worker("prefork", 2)

        def kill(saga: str) -> None:
            [row] = scene.rows(
                "SELECT w.name FROM sagas_run r JOIN sagas_worker w ON w.id = r.worker"
                " WHERE r.saga_id = %s AND r.path = 'charge'",
                saga,
            )
            pid = int(row["name"].rpartition(":")[2])
            assert pid in worker.children()
            os.kill(pid, signal.SIGKILL)

        killed_in_mid_charge(scene, kill)
        assert worker.alive


def test_a_zombies_late_result_is_refused(scene):
    with scene() as scene:
        zombie = scene.worker("prefork", 1)
        scene.shop.switch("stock", "hold_after", path="/reservations")
        [saga] = scene.order()
        scene.shop.wait_until_held("stock")
        zombie.freeze()
        scene.worker("threads", 2)
        scene.shop.release("stock")
        assert scene.all_end() == {"completed": 1}
        zombie.thaw()
        wait_until(
            lambda: [move for move in scene.moves(saga) if move.get("did") == "late"],
            "the zombie speaks",
            timedelta(seconds=60),
        )
        assert scene.states() == {"completed": 1}
        assert scene.applied("stock", saga) == ["action"]
