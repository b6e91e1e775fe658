"""PostgreSQL is restarted under busy workers, as a crash or a failover would."""

import pytest

from tests.acceptance.scene import MINUTE


@pytest.mark.parametrize(("pool", "concurrency"), [("threads", 20), ("prefork", 4)])
def test_the_same_workers_go_on_after_the_database_was_restarted(scene, pool, concurrency):
    with scene() as scene:
        worker = scene.worker(pool, concurrency)
        children = worker.children()
        for service in ("stock", "payments", "orders"):
            scene.shop.switch(service, "slow", milliseconds=200, times=None)
        scene.order(40)
        scene.postgres.restart_immediately()
        assert scene.all_end(within=2 * MINUTE) == {"completed": 40}
        assert scene.incidents() == []
        assert worker.alive
        assert worker.children() == children
