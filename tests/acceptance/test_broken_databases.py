"""PostgreSQL is restarted under busy workers, as a crash or a failover would."""

import time

import pytest

from tests.acceptance.scene import MINUTE
from tests.harness.waiting import wait_until


@pytest.mark.parametrize(("pool", "concurrency"), [("threads", 20), ("prefork", 4)])
def test_the_same_workers_go_on_after_the_database_was_restarted(scene, pool, concurrency):
    with scene() as scene:
        for service in ("stock", "payments", "orders"):
            scene.shop.switch(service, "slow", milliseconds=500, times=None)
        scene.order(40)
        worker = scene.worker(pool, concurrency)
        wait_until(lambda: scene.under_way() == concurrency, "every slot is busy", MINUTE)
        children = worker.children()
        scene.postgres.restart_immediately()
        scene.shop.clear()
        assert scene.all_end(within=2 * MINUTE) == {"completed": 40}
        assert scene.incidents() == []
        assert worker.alive
        assert worker.children() == children


def test_a_database_that_is_away_for_longer_than_workers_may_be_silent_costs_no_attempt(scene):
    with scene(environment={"APPS": "tests.acceptance.patient"}) as scene:
        scene.shop.switch("payments", "hold_after", path="/charges", times=None)
        scene.order(10, definition="payment")
        workers = [scene.worker("threads", 8), scene.worker("prefork", 2)]
        scene.shop.wait_until_held("payments", 10, within=MINUTE)
        scene.postgres.kill()
        scene.shop.clear()
        time.sleep(12)  # a worker is gone after 10 s of silence, if the database was there to hear it
        scene.postgres.start()
        assert scene.all_end() == {"completed": 10}
        moves = [move.get("did") for saga in scene.started for move in scene.moves(saga)]
        assert (moves.count("claimed"), moves.count("late")) == (10, 0)
        assert scene.rows("SELECT id FROM sagas_worker WHERE gone_at IS NOT NULL") == []
        assert scene.incidents() == []
        assert all(worker.alive for worker in workers)
