"""Kafka: a consumer group; offsets are committed after what they stand for.

Needs the extra: `pip install saga-orchestrator[kafka]`.
"""

import threading
from collections.abc import Mapping, Sequence
from typing import Any

from confluent_kafka import Consumer, KafkaError, KafkaException
from confluent_kafka import Message as Record

from sagas.events.arriving import Message
from sagas.events.sources.source import Source, Take, headers_of

TICK = 0.5
"""Seconds after which a quiet topic is left to see whether to stop."""
AT_ONCE = 50


class Kafka(Source):
    """`servers` is "host:port,…", `topics` a list, `config` what else librdkafka is told."""

    def __init__(
        self, *, servers: str, topics: Sequence[str], group: str = "sagas", config: Mapping[str, Any] | None = None
    ) -> None:
        if isinstance(topics, str) or not topics:
            raise ValueError("topics is a list of words, at least one.")
        self._topics = list(topics)
        self._config = {
            "bootstrap.servers": servers,
            "group.id": group,
            "enable.auto.commit": False,
            "auto.offset.reset": "earliest",
            **(config or {}),
        }

    def run(self, take: Take, stopping: threading.Event) -> None:
        """Consume in order of the partitions; the first of each after an assignment may have been begun before."""
        consumer = Consumer(self._config)
        fresh: set[tuple[str, int]] = set()
        try:
            consumer.subscribe(
                self._topics, on_assign=lambda _, given: fresh.update((p.topic, p.partition) for p in given)
            )
            while not stopping.is_set():
                records = consumer.consume(AT_ONCE, timeout=TICK)
                self._take_all(consumer, records, take, stopping, fresh)
        finally:
            consumer.close()

    def _take_all(
        self, consumer: Any, records: list[Record], take: Take, stopping: threading.Event, fresh: set[tuple[str, int]]
    ) -> None:
        done: dict[tuple[str, int], Record] = {}
        try:
            for record in records:
                if stopping.is_set():
                    return
                if (error := record.error()) is not None:
                    _judge(error)
                    continue
                place = (str(record.topic()), int(record.partition() or 0))
                take(_read(record, redelivered=place in fresh))
                fresh.discard(place)
                done[place] = record
        finally:
            for record in done.values():
                consumer.commit(message=record, asynchronous=False)


def _judge(error: KafkaError) -> None:
    if error.code() != KafkaError._PARTITION_EOF:
        raise KafkaException(error)


def _read(record: Record, *, redelivered: bool) -> Message:
    return Message(
        body=record.value() or b"", headers=headers_of(dict(record.headers() or ())), redelivered=redelivered
    )
