"""Orders run and turn back with real workers, on each pool and each broker."""

import pytest

from tests.acceptance.scene import MINUTE, Scene


@pytest.mark.parametrize(("broker", "pool"), [("redis", "prefork"), ("redis", "threads"), ("rabbitmq", "prefork")])
def test_orders_complete_and_a_declined_one_is_undone(request, postgres, shop, broker, pool):
    with Scene(postgres, request.getfixturevalue(broker), shop) as scene:
        scene.worker(pool, 2)
        good = scene.order(5)
        declined = scene.order(user_id="erin")
        assert scene.all_end(good) == {"completed": 5}
        assert scene.all_end(declined) == {"compensated": 1}
        assert scene.applied("stock", declined[0]) == ["action", "compensation"]
        assert scene.applied("payments", good[0]) == ["action"]
        assert scene.incidents() == []


def test_many_workers_and_two_beats_end_every_saga_once(scene):
    with scene() as scene:
        for pool in ("prefork", "threads", "threads"):
            scene.worker(pool, 2)
        for _ in range(2):
            scene.product.beat()
        scene.order(20)
        assert scene.all_end() == {"completed": 20}
        assert scene.incidents() == []


def test_three_hundred_steps_in_flight_share_ten_connections(scene):
    with scene(environment={"APPS": "tests.acceptance.patient", "DATABASE_POOL": "10"}) as scene:
        scene.shop.switch("payments", "hold_after", path="/charges", times=None)
        scene.order(300, definition="payment")
        worker = scene.worker("threads", 300)
        scene.shop.wait_until_held("payments", 300, within=2 * MINUTE)
        scene.shop.clear("payments")
        assert scene.all_end() == {"completed": 300}
        assert [row["tries"] for row in scene.rows("SELECT DISTINCT tries FROM sagas_run")] == [1]
        assert scene.incidents() == []
        assert worker.alive
        assert "couldn't get a connection" not in worker.output()
