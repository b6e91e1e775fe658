"""A Kafka cluster for tests: librdkafka's own mock of one, in a process that it lives in.

It speaks the protocol and keeps what it is given in memory. It is no Kafka, and does not fail as a real cluster does.
"""

import sys
from datetime import timedelta

from tests.harness.processes import Process, folder
from tests.harness.service import NotInstalled

HOST = """
import sys, time
from confluent_kafka import Producer
cluster = Producer({"test.mock.num.brokers": 1, "bootstrap.servers": "replaced", "log_level": 0})
broker = next(iter(cluster.list_topics(timeout=30).brokers.values()))
print(f"at {broker.host}:{broker.port}.", flush=True)
while True:
    cluster.poll(1)
"""


class Kafka:
    """`servers` is where it listens. Stopped, it has forgotten everything."""

    def __init__(self) -> None:
        try:
            import confluent_kafka  # noqa: F401
        except ImportError:
            raise NotInstalled("confluent-kafka is not installed; it is one of the development dependencies.") from None
        log = folder("kafka") / "log"
        self.process = Process("Kafka", [sys.executable, "-c", HOST], log=log)
        self.process.wait_until_it_says("at ", timedelta(seconds=60))
        self.servers = self.process.output().partition("at ")[2].partition(".\n")[0]

    def stop(self) -> None:
        """End it."""
        self.process.kill()
