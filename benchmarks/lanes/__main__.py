"""What it costs to put a message into one of so many lanes, and to take it out, on a Redis of its own.

Half of the lanes have messages and half are empty. It is kombu and Redis alone, one publisher and then one consumer,
each message acknowledged; what a worker does with it comes on top and is the same for any number of lanes. Told is
processor time, since it hardly depends on what else the machine does.
"""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import cycle, islice

import redis
from kombu import Connection, Consumer, Message

from gateway.doorbell import Rank
from orchestrator import queues
from tests.harness.processes import leave_nothing_behind
from tests.harness.redis import Redis

MESSAGES = 10_000
LANES = (1, 20, 100)
RANKS = ([int(Rank.NORMAL)], [int(rank) for rank in Rank])
HEADING = "processor time per message, in microseconds: publisher | Redis, publishing | consumer | Redis, consuming"


def main() -> int:
    server = Redis()
    server.start()
    print(HEADING)  # noqa: T201 - what it is for
    for ranks in RANKS:
        for lanes in LANES:
            told = " | ".join(f"{cost:5.0f}" for cost in costs(server, lanes, ranks))
            print(f"{lanes:3} lanes, {len(ranks)} ranks: {told}", flush=True)  # noqa: T201
    leave_nothing_behind()
    return 0


def costs(server: Redis, lanes: int, ranks: list[int]) -> list[float]:
    """Microseconds of processor time per message: the publisher's, Redis's, the consumer's, Redis's."""
    server.flush()
    spent: list[float] = []
    options = {**queues.transport_options(server.url), "priority_steps": ranks}
    declared = queues.declared(f"sagas:definition{number}" for number in range(lanes))
    busy = declared[: max(1, lanes // 2)]
    with Connection(server.url, transport_options=options) as connection, connection.Producer() as producer:
        for queue in busy:
            producer.maybe_declare(queue)
        with spending(server, spent):
            for queue in islice(cycle(busy), MESSAGES):
                producer.publish([1, 1], routing_key=queue.name, exchange="", priority=int(Rank.NORMAL))
    taken = 0

    def take(body: object, message: Message) -> None:
        nonlocal taken
        taken += 1
        message.ack()

    with (
        Connection(server.url, transport_options=options) as connection,
        Consumer(connection, queues=declared, callbacks=[take], prefetch_count=2),
        spending(server, spent),
    ):
        while taken < MESSAGES:
            connection.drain_events(timeout=10)
    return spent


@contextmanager
def spending(server: Redis, spent: list[float]) -> Iterator[None]:
    """Note what the block costs this process and the server, per message."""
    ours, its = time.process_time(), processor_time(server)
    yield
    spent += [1e6 * (time.process_time() - ours) / MESSAGES, 1e6 * (processor_time(server) - its) / MESSAGES]


def processor_time(server: Redis) -> float:
    with redis.Redis.from_url(server.url) as client:
        used = client.info("cpu")
    return float(used["used_cpu_user"]) + float(used["used_cpu_sys"])


if __name__ == "__main__":
    sys.exit(main())
