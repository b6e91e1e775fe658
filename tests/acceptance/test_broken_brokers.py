"""The broker is emptied, killed, silent, or full of lies; the sagas go on."""

import json
import sys
from datetime import timedelta

import redis as redis_client

from tests.harness.waiting import wait_until

MINUTE = timedelta(seconds=60)


def test_sagas_survive_an_emptied_broker(scene):
    with scene() as scene:
        for service in ("stock", "payments", "orders"):
            scene.shop.switch(service, "slow", milliseconds=100, times=None)
        scene.worker("prefork", 2)
        scene.order(30)
        scene.broker.flush()
        assert scene.all_end() == {"completed": 30}


def test_sagas_started_while_the_broker_is_down_are_accepted_and_run(scene):
    with scene() as scene:
        worker = scene.worker("threads", 4)
        scene.broker.kill()
        scene.order(10)
        scene.broker.start()
        assert scene.all_end() == {"completed": 10}
        assert worker.alive


def test_sagas_under_way_and_new_ones_end_without_any_broker(scene):
    with scene() as scene:
        for service in ("stock", "payments", "orders"):
            scene.shop.switch(service, "slow", milliseconds=100, times=None)
        workers = [scene.worker("prefork", 2), scene.worker("threads", 2)]
        scene.order(10)
        scene.broker.kill()
        scene.order(10)
        assert scene.all_end() == {"completed": 20}
        assert all(worker.alive for worker in workers)


def test_duplicated_and_forged_messages_change_nothing(scene):
    with scene() as scene:
        worker = scene.worker("prefork", 2)
        scene.shop.switch("payments", "hold_after", path="/charges")
        [saga] = scene.order()
        scene.shop.wait_until_held("payments")
        [run] = scene.rows("SELECT id, fence FROM sagas_run WHERE saga_id = %s AND path = 'charge'", saga)
        for fence in range(run["fence"] + 3):
            send(scene, [run["id"], fence], times=3)
        for arguments in (["1", "2"], [10**30, 1], [None], [], {"a": 1}, [run["id"], True], [[1], [2]], [-1, -1]):
            send(scene, arguments)
        scene.order(5)
        scene.shop.release("payments")
        assert scene.all_end() == {"completed": 6}
        assert scene.applied("payments", saga) == ["action"]
        assert [move["did"] for move in scene.moves(saga) if move.get("step") == "charge"].count("claimed") == 1
        assert worker.alive


def test_garbage_in_the_queue_costs_at_most_the_worker_process(scene):
    with scene() as scene:
        workers = [scene.worker("threads", 2)]
        scene.order(3)
        with redis_client.Redis.from_url(scene.broker.url) as client:
            client.lpush("sagas", b"\x00 not a message")
        scene.order(3)

        def all_ended() -> bool:
            if not workers[-1].alive:  # what a supervisor does
                workers.append(scene.worker("threads", 2))
            return scene.states()["completed"] == 6

        wait_until(all_ended, "all sagas end", 2 * MINUTE)
        assert len(workers) <= 2


def send(scene, arguments: object, times: int = 1) -> None:
    """Put a message into the queue, as anybody who reaches the broker could."""
    code = (
        "import json,sys\nfrom orchestrator.celery import app\n"
        "for _ in range(int(sys.argv[2])):\n"
        "    a = json.loads(sys.argv[1])\n"
        "    app.send_task('sagas.tasks.deliver', args=a if isinstance(a, list) else None,"
        " kwargs=a if isinstance(a, dict) else None, queue='sagas')"
    )
    process = scene.product.start("forger", [sys.executable, "-c", code, json.dumps(arguments), str(times)])
    assert process.wait() == 0, process.output()
