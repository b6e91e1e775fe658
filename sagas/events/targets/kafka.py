"""Kafka: acknowledged by all replicas, under the saga's id as the key, so that a saga stays on its partition in order.

Needs the extra: `pip install saga-orchestrator[kafka]`.
"""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from functools import partial
from typing import Any

from confluent_kafka import KafkaError, KafkaException, Producer

from sagas.events.envelope import CONTENT_TYPE, encoded
from sagas.events.targets.target import Away, NotTaken, Outcome, Sent, Target, Unwanted
from sagas.models import OutboxEvent

PATIENCE = timedelta(seconds=8)
"""How long the cluster may take to acknowledge."""
NEVER = frozenset(
    {
        KafkaError.MSG_SIZE_TOO_LARGE,
        KafkaError.UNKNOWN_TOPIC_OR_PART,
        KafkaError._UNKNOWN_TOPIC,
        KafkaError.TOPIC_AUTHORIZATION_FAILED,
        KafkaError.INVALID_RECORD,
    }
)
"""What will be so on the next try, too, until a person changes something."""
OUT_OF_REACH = frozenset({KafkaError._MSG_TIMED_OUT, KafkaError._TRANSPORT, KafkaError._ALL_BROKERS_DOWN})


class Kafka(Target):
    """`servers` is "host:port,…", `config` what else librdkafka is told, such as its security settings."""

    def __init__(self, *, servers: str, topic: str = "sagas", config: Mapping[str, Any] | None = None) -> None:
        if not servers or not topic:
            raise ValueError("servers and topic must be said.")
        self._topic = topic
        self._config = {
            "bootstrap.servers": servers,
            "enable.idempotence": True,
            "delivery.timeout.ms": int(PATIENCE.total_seconds() * 1000),
            **(config or {}),
        }
        self._producer: Producer | None = None

    def send(self, events: Sequence[OutboxEvent]) -> list[Outcome]:
        """Hand all to the client, then wait for what it says of each."""
        said: dict[int, KafkaError | None] = {}

        def note(pk: int, error: KafkaError | None, message: object) -> None:
            said[pk] = error

        try:
            producer = self._producer = self._producer or Producer(self._config)
            for event in events:
                producer.produce(
                    self._topic,
                    encoded(event),
                    key=str(event.saga),
                    headers=[("content-type", CONTENT_TYPE), ("ce_id", event.event_id), ("ce_type", event.type)],
                    on_delivery=partial(note, event.pk),
                )
            left = producer.flush(PATIENCE.total_seconds() + 2)
        except (KafkaException, BufferError) as error:
            self.close()
            raise Away(f"{type(error).__name__}: {error}") from error
        errors = [error for error in said.values() if error is not None]
        if left or (len(errors) == len(events) and all(error.code() in OUT_OF_REACH for error in errors)):
            self.close()
            raise Away(errors[0].str() if errors else "Nothing was acknowledged in time.")
        return [self._outcome(said.get(event.pk)) for event in events]

    def close(self) -> None:
        """What is still with the client is not sent by it any more."""
        producer, self._producer = self._producer, None
        if producer is not None:
            producer.purge()

    def _outcome(self, error: KafkaError | None) -> Outcome:
        if error is None:
            return Sent()
        if error.code() in NEVER:
            return Unwanted(reason=f"{error.str()} (topic {self._topic!r})")
        return NotTaken(reason=error.str())
