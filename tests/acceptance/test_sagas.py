"""Orders run and turn back with real workers, on each pool and each broker."""

import pytest

from tests.acceptance.scene import Scene


@pytest.mark.parametrize(("broker", "pool"), [("redis", "prefork"), ("redis", "threads"), ("rabbitmq", "prefork")])
def test_orders_complete_and_a_declined_one_is_undone(request, postgres, shop, broker, pool):
    with Scene(postgres, request.getfixturevalue(broker), shop) as scene:
        scene.worker(pool, 4)
        good = scene.order(5)
        declined = scene.order(user_id="erin")
        assert scene.all_end(good) == {"completed": 5}
        assert scene.all_end(declined) == {"compensated": 1}
        assert scene.applied("stock", declined[0]) == ["action", "compensation"]
        assert scene.applied("payments", good[0]) == ["action"]
        assert scene.incidents() == []


def test_many_workers_and_two_beats_end_every_saga_once(scene):
    with scene() as scene:
        scene.worker("prefork", 2)
        scene.worker("threads", 4)
        scene.worker("threads", 4)
        scene.product.beat()
        scene.product.beat()
        scene.order(20)
        assert scene.all_end() == {"completed": 20}
        ends = scene.rows(
            "SELECT saga_id, count(*) n FROM sagas_journal, jsonb_array_elements(moves) m"
            " WHERE m->>'saga' = 'completed' GROUP BY 1"
        )
        assert [row["n"] for row in ends] == [1] * 20
        twice = scene.rows(
            "SELECT saga_id FROM sagas_journal, jsonb_array_elements(moves) m"
            " WHERE m->>'did' = 'succeeded' GROUP BY saga_id, m->>'step' HAVING count(*) > 1"
        )
        assert twice == []


def test_three_hundred_steps_in_flight_share_ten_connections(scene):
    with scene(environment={"DATABASE_POOL": "10"}) as scene:
        worker = scene.worker("threads", 300)
        for service in ("stock", "payments"):
            scene.shop.switch(service, "slow", milliseconds=1500, times=None)
        scene.order(300)
        assert scene.all_end() == {"completed": 300}
        assert scene.incidents() == []
        assert worker.alive
        assert "couldn't get a connection" not in worker.output()
