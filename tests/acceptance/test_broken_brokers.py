"""The broker is emptied, killed, silent, or full of lies; the sagas go on."""

import redis
from celery import Celery
from kombu import Connection, Exchange, Queue

from tests.acceptance.scene import MINUTE, Scene
from tests.harness.waiting import wait_until

SAGAS = Queue("sagas", Exchange("sagas", type="direct"), routing_key="sagas")
DELIVER = "sagas.tasks.deliver"

FORGED = (
    ["1", "2"],
    [10**30, 1],
    [1, 10**30],
    [2**62, 1],
    [-1, -1],
    [None],
    [],
    [True, True],
    [[1], [2]],
    [{"a": 1}, 1.5],
)
"""Arguments of a delivery that no coordinator sends."""

UNREADABLE = (
    (b"\xff{", "application/json"),
    (b"[1, 2", "application/json"),
    (b"\x80", "application/x-python-serialize"),
)
"""Bodies of messages, and what they say they are."""


def test_sagas_survive_an_emptied_broker(scene):
    with scene() as scene:
        scene.worker("prefork", 2)
        scene.shop.switch("stock", "hold", path="/reservations", times=None)
        scene.order(30)
        scene.shop.wait_until_held("stock", 2)
        assert waiting_messages(scene) > 0
        scene.broker.flush()
        scene.shop.clear()
        assert scene.all_end() == {"completed": 30}
        assert scene.incidents() == []


def test_sagas_started_while_the_broker_is_down_are_accepted_and_run(scene):
    with scene() as scene:
        worker = scene.worker("threads", 2)
        scene.broker.kill()
        scene.order(10)
        scene.broker.start()
        assert scene.all_end() == {"completed": 10}
        assert worker.alive


def test_sagas_under_way_and_new_ones_end_without_any_broker(scene):
    with scene() as scene:
        workers = [scene.worker("prefork", 2), scene.worker("threads", 2)]
        scene.shop.switch("stock", "hold", path="/reservations", times=None)
        scene.order(10)
        scene.shop.wait_until_held("stock", 4)
        scene.broker.kill()
        scene.shop.clear()
        scene.order(10)
        assert scene.all_end() == {"completed": 20}
        assert scene.incidents() == []
        assert all(worker.alive for worker in workers)


def test_messages_that_come_three_times_and_forged_ones_change_nothing(scene):
    with scene() as scene:
        worker = scene.worker("prefork", 2)
        scene.shop.switch("payments", "unavailable", path="/charges", retry_after=600)
        [waiting] = scene.order()
        wait_until(lambda: scene.heard("payments", waiting) == 1, "its charge is to wait ten minutes", MINUTE)
        scene.shop.switch("payments", "hold_after", path="/charges")
        [held] = scene.order()
        scene.shop.wait_until_held("payments")
        others = scene.order(10)
        with Celery("forger", broker=scene.broker.url, set_as_current=False) as forger:
            again_and_again(scene, forger)
            for run in scene.rows("SELECT id, fence FROM sagas_run WHERE path = 'charge'"):
                for fence in range(run["fence"] + 3):
                    send(forger, [run["id"], fence])
            for arguments in FORGED:
                send(forger, arguments)
            send(forger, [1, 1], task="sagas.tasks.no_such_task")
        publish(scene, *UNREADABLE)
        assert scene.all_end(others) == {"completed": 10}
        scene.shop.release("payments")
        assert scene.all_end([held]) == {"completed": 1}
        wait_until(lambda: waiting_messages(scene) == 0, "every message is taken", MINUTE)
        assert scene.heard("payments", waiting) == scene.heard("payments", held) == 1
        assert [move["did"] for move in scene.moves(waiting)[-1:]] == ["again"]
        scene.retry(waiting)
        assert scene.all_end() == {"completed": 12}
        claims = [move for saga in scene.started for move in scene.moves(saga) if move.get("did") == "claimed"]
        assert len(claims) == 12 * 6 + 1
        assert scene.incidents() == []
        assert worker.alive


def test_garbage_in_the_queue_costs_at_most_the_worker_process(scene):
    with scene() as scene:
        workers = [scene.worker("threads", 2)]

        def supervise() -> None:
            if not workers[-1].alive:
                workers.append(scene.worker("threads", 2))

        def all_ended() -> bool:
            supervise()
            return scene.states()["completed"] == 9 and waiting_messages(scene) == 0

        scene.order(3)
        with redis.Redis.from_url(scene.broker.url) as client:
            client.lpush("sagas", b"\x00 not a message")
        scene.order(3)
        publish(scene, (b"[]", "application/json"))  # a message, but no task's
        scene.order(3)
        wait_until(all_ended, "all sagas end", 2 * MINUTE)
        assert len(workers) <= 3


def send(forger: Celery, arguments: list[object], task: str = DELIVER) -> None:
    """Put a message into the queue, as anybody who reaches the broker could."""
    forger.send_task(task, args=arguments, queue=SAGAS, ignore_result=True)


def again_and_again(scene: Scene, forger: Celery) -> None:
    """Say everything that the coordinator has to say three times more."""
    for run in scene.rows("SELECT id, fence FROM sagas_run WHERE work IS NOT NULL"):
        for _ in range(3):
            send(forger, [run["id"], run["fence"]])


def publish(scene: Scene, *messages: tuple[bytes, str]) -> None:
    """Put messages with these bodies, of these kinds, into the queue under a delivery's name."""
    with Connection(scene.broker.url) as connection, connection.Producer(exchange=SAGAS.exchange) as producer:
        for number, (body, kind) in enumerate(messages):
            headers = {"task": DELIVER, "id": f"forged-{number}"}
            producer.publish(body, headers=headers, content_type=kind, content_encoding="utf-8", routing_key="sagas")


def waiting_messages(scene: Scene) -> int:
    """How many messages nobody has taken yet, of every lane and rank."""
    with redis.Redis.from_url(scene.broker.url) as client:
        return sum(int(client.llen(key)) for key in client.scan_iter("sagas*"))
