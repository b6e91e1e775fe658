import base64
import json
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta

import pytest
import redis as redis_client
from celery import Celery, current_app, shared_task

from gateway import doorbell
from gateway.doorbell import Doorbell, Rank, Ring, Tally
from tests.harness.processes import free_port
from tests.harness.waiting import wait_until

LONG = timedelta(seconds=120)
AT_ONCE = 0.1
TRIES = 5
"""The fastest of them tells, so that what else the machine has to do is not held against anybody."""
NO_BREAK = timedelta(0)

Bell = Callable[..., Doorbell]


@pytest.fixture
def bell() -> Iterator[Bell]:
    """Makes doorbells that are gone after the test."""
    made: list[Doorbell] = []

    def make(**options: object) -> Doorbell:
        made.append(Doorbell(**options))
        return made[-1]

    yield make
    for each in made:
        each.flush(LONG)
        each.close()


@pytest.fixture
def frozen() -> Iterator[str]:
    """The port of a broker that takes connections and never says a word."""
    with socket.create_server(("127.0.0.1", 0), backlog=50) as server:
        yield str(server.getsockname()[1])


def app(url: str) -> Celery:
    return Celery("tests", broker=url, set_as_current=False)


def a_ring(app: Celery, *args: object, countdown: timedelta | None = None) -> Ring:
    return Ring("tests.work", args, "bells", countdown, None, app)


def in_the_queue(url: str) -> list[list[object]]:
    """The arguments of the messages in Redis, oldest first."""
    with redis_client.Redis.from_url(url) as client:
        raw = client.lrange("bells", 0, -1)
    return [json.loads(base64.b64decode(json.loads(message)["body"]))[0] for message in reversed(raw)]


def test_what_is_rung_reaches_the_queue_in_order(bell, redis):
    ours, celery = bell(), app(redis.url)
    assert all(ours.ring(a_ring(celery, number)) for number in range(50))
    assert ours.flush(LONG)
    assert in_the_queue(redis.url) == [[number] for number in range(50)]
    assert ours.tally == Tally(published=50)
    assert ours.failing_since() is None


def test_a_message_for_a_queue_that_nobody_has_declared_costs_one_command_from_the_second_on(bell, redis):
    ours, celery = bell(), app(redis.url)
    ours.ring(a_ring(celery, 0))
    assert ours.flush(LONG)
    with redis_client.Redis.from_url(redis.url) as client:
        client.config_resetstat()
        for number in range(1, 11):
            ours.ring(a_ring(celery, number))
        assert ours.flush(LONG)
        commands = {name: told["calls"] for name, told in client.info("commandstats").items()}
    assert in_the_queue(redis.url) == [[number] for number in range(11)]
    assert {name: calls for name, calls in commands.items() if "config" not in name} == {"cmdstat_lpush": 10}


def test_what_is_urgent_is_kept_apart_at_redis(bell, redis):
    ours, celery = bell(), app(redis.url)
    celery.conf.broker_transport_options = {"priority_steps": [int(rank) for rank in Rank]}
    for rank in (Rank.LAST, Rank.NORMAL, Rank.FIRST):
        ours.ring(replace(a_ring(celery, rank.name), rank=rank))
    assert ours.flush(LONG)
    with celery.connection() as connection, connection.SimpleQueue("bells") as queue:
        assert [queue.get(timeout=120).payload[0] for _ in Rank] == [["FIRST"], ["NORMAL"], ["LAST"]]


@pytest.mark.parametrize("scheme", ["redis", "amqp"])
def test_a_frozen_broker_delays_nobody_and_is_noticed(bell, frozen, scheme):
    celery, took = app(f"{scheme}://127.0.0.1:{frozen}"), []
    for _ in range(TRIES):
        ours, began = bell(), time.monotonic()
        for number in range(1000):
            ours.ring(a_ring(celery, number))
        took.append(time.monotonic() - began)
        since = wait_until(ours.failing_since, "the broker is known to fail")
        assert began <= since <= time.monotonic()
        assert ours.flush(LONG)
        assert ours.tally == Tally(failed=1, dropped=999)
    assert min(took) < AT_ONCE


@pytest.mark.parametrize("scheme", ["redis", "amqp"])
def test_after_a_refusal_nothing_is_tried_until_the_breaker_closes(bell, scheme):
    ours, celery = bell(), app(f"{scheme}://127.0.0.1:{free_port()}")
    assert ours.ring(a_ring(celery))
    assert ours.flush(LONG)
    assert not ours.ring(a_ring(celery))
    assert ours.tally == Tally(failed=1, dropped=1)
    assert ours.failing_since() is not None


def test_a_broker_that_is_back_is_rung_again(bell, redis):
    ours, celery = bell(breaker=NO_BREAK), app(redis.url)
    redis.kill()
    ours.ring(a_ring(celery, "lost"))
    assert ours.flush(LONG)
    assert ours.failing_since() is not None
    redis.start()
    ours.ring(a_ring(celery, "heard"))
    assert ours.flush(LONG)
    assert ours.failing_since() is None
    assert in_the_queue(redis.url) == [["heard"]]


def test_a_broker_that_restarted_meanwhile_misses_nothing(bell, redis):
    ours, celery = bell(), app(redis.url)
    ours.ring(a_ring(celery, "before"))
    assert ours.flush(LONG)
    redis.kill()
    redis.start()
    ours.ring(a_ring(celery, "after"))
    assert ours.flush(LONG)
    assert in_the_queue(redis.url) == [["after"]]
    assert ours.tally.failed == 0


def test_a_broker_that_freezes_under_an_open_connection_is_noticed(bell, redis):
    ours, celery = bell(), app(redis.url)
    ours.ring(a_ring(celery, 1))
    assert ours.flush(LONG)
    redis.freeze()
    ours.ring(a_ring(celery, 2))
    wait_until(ours.failing_since, "the broker is known to fail")


def test_rabbitmq_is_rung_and_noticed_when_it_freezes(bell, rabbitmq):
    ours, celery = bell(), app(rabbitmq.url)
    ours.ring(a_ring(celery, 1))
    assert ours.flush(LONG)
    assert ours.tally == Tally(published=1)
    rabbitmq.freeze()
    ours.ring(a_ring(celery, 2))
    wait_until(ours.failing_since, "the broker is known to fail")
    assert ours.flush(LONG)
    assert ours.tally.failed == 1


def test_a_rabbitmq_that_restarted_meanwhile_misses_nothing(bell, rabbitmq):
    ours, celery = bell(), app(rabbitmq.url)
    ours.ring(a_ring(celery, "before"))
    assert ours.flush(LONG)
    rabbitmq.kill()
    rabbitmq.start()
    ours.ring(a_ring(celery, "after"))
    assert ours.flush(LONG)
    assert ours.tally == Tally(published=2)


def test_the_queue_of_rings_is_bounded(bell, frozen):
    ours, celery = bell(capacity=10), app(f"redis://127.0.0.1:{frozen}")
    taken = [ours.ring(a_ring(celery, number)) for number in range(50)]
    assert sum(taken) in (10, 11)  # the eleventh when the first is being published already
    assert ours.tally.dropped == 50 - sum(taken)


def test_flush_waits_no_longer_than_it_was_told(bell, frozen):
    ours = bell()
    ours.ring(a_ring(app(f"redis://127.0.0.1:{frozen}")))
    assert not ours.flush(timedelta(milliseconds=10))


@shared_task(name="tests.gateway.note")
def note(word: str) -> None:
    noted.append(word)


noted: list[str] = []


@pytest.fixture
def eager() -> Iterator[None]:
    """Switch Celery's eager mode on."""
    current_app.conf.task_always_eager = True
    yield
    current_app.conf.task_always_eager = False


def test_in_eager_mode_the_task_runs_here_and_now(eager):
    noted.clear()
    assert doorbell.ring("tests.gateway.note", ["done"])
    assert noted == ["done"]


PROGRAM = """
import os
from celery import Celery
from gateway import doorbell
Celery("tests", broker="{url}").set_default()
{then}
"""


def run(url: str, then: str) -> None:
    subprocess.run([sys.executable, "-c", PROGRAM.format(url=url, then=then)], check=True, timeout=120)


def test_a_process_that_ends_has_rung_first(redis):
    for _ in range(TRIES):  # it gives itself a second, which a busy machine may not leave it
        run(redis.url, "doorbell.ring('tests.work', ['last words'], 'bells')")
        if in_the_queue(redis.url):
            break
    assert in_the_queue(redis.url) == [["last words"]]


def test_a_process_that_ends_does_not_wait_for_a_frozen_broker(frozen):
    run(f"redis://127.0.0.1:{frozen}", "[doorbell.ring('tests.work', [], 'bells') for _ in range(50)]")


def test_a_forked_child_rings_with_a_thread_and_a_connection_of_its_own(redis):
    then = """
from datetime import timedelta
LONG = timedelta(seconds=120)
doorbell.ring("tests.work", ["parent"], "bells")
assert doorbell.flush(LONG)
child = os.fork()
doorbell.ring("tests.work", ["child" if child == 0 else "parent"], "bells")
assert doorbell.flush(LONG)
assert doorbell.tally().published == (1 if child == 0 else 2)
if child == 0:
    os._exit(0)
assert os.waitpid(child, 0)[1] == 0
doorbell.ring("tests.work", ["parent"], "bells")
assert doorbell.flush(LONG)
assert doorbell.tally() == doorbell.Tally(published=3)
"""
    run(redis.url, then)
    assert sorted(in_the_queue(redis.url)) == [["child"], ["parent"], ["parent"], ["parent"]]
