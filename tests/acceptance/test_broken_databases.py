"""PostgreSQL is restarted under busy workers, as a crash or a failover would."""

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
