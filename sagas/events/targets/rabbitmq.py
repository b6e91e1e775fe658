"""RabbitMQ: a topic exchange, publisher confirms, and `mandatory`, so that what no queue takes is not lost silently."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from amqp import Channel, Message
from kombu import Connection

from sagas.events.envelope import CONTENT_TYPE, encoded
from sagas.events.targets.target import Away, NotTaken, Outcome, Sent, Target, Unwanted, routing_key
from sagas.models import OutboxEvent

PATIENCE = timedelta(seconds=5)
"""How long the broker may keep silent."""


class RabbitMQ(Target):
    """`url` is amqp://…; `exchange` is made as a durable topic exchange where it is not there."""

    def __init__(self, *, url: str, exchange: str = "sagas") -> None:
        if not url.startswith(("amqp://", "amqps://", "pyamqp://")):
            raise ValueError("url must begin with amqp:// or amqps://.")
        self._url, self._exchange = url, exchange
        self._connection: Connection | None = None
        self._channel: Channel | None = None
        self._sent = 0
        self._open: dict[int, OutboxEvent] = {}
        self._outcomes: dict[int, Outcome] = {}
        self._returned: dict[str, str] = {}

    def send(self, events: Sequence[OutboxEvent]) -> list[Outcome]:
        """Publish all, then wait until each is confirmed; the broker returns what nobody takes before it confirms."""
        try:
            channel = self._channel or self._connect()
            self._open, self._outcomes, self._returned = {}, {}, {}
            for event in events:
                self._sent += 1
                self._open[self._sent] = event
                key = routing_key(event)
                channel.basic_publish(_message(event), self._exchange, key, mandatory=True, timeout=_SECONDS)
            while self._open and self._connection is not None:
                self._connection.drain_events(timeout=_SECONDS)
        except Exception as error:  # whatever the transport raises
            self.close()
            raise Away(f"{type(error).__name__}: {error}") from error
        return [self._outcomes[event.pk] for event in events]

    def close(self) -> None:
        """Forget the connection, without asking the broker."""
        connection, self._connection, self._channel = self._connection, None, None
        if connection is not None:
            connection.collect(socket_timeout=0.1)

    def _connect(self) -> Channel:
        options = {"read_timeout": _SECONDS, "write_timeout": _SECONDS}
        self._connection = Connection(self._url, connect_timeout=_SECONDS, heartbeat=0, transport_options=options)
        channel = self._connection.channel()
        channel.exchange_declare(self._exchange, "topic", durable=True, auto_delete=False)
        channel.confirm_select()
        channel.events["basic_return"].add(self._note_return)
        channel.events["basic_ack"].add(self._note_ack)
        channel.events["basic_nack"].add(self._note_nack)
        self._channel, self._sent = channel, 0
        return channel

    def _note_return(self, error: Exception, exchange: str, key: str, message: Message) -> None:
        self._returned[message.properties.get("message_id", "")] = key

    def _note_ack(self, tag: int, multiple: bool) -> None:
        for event in self._confirmed(tag, multiple):
            key = self._returned.get(event.event_id)
            reason = f"No queue is bound to the exchange {self._exchange!r} for the key {key!r}; bind one, and replay."
            self._outcomes[event.pk] = Sent() if key is None else Unwanted(reason=reason)

    def _note_nack(self, tag: int, multiple: bool) -> None:
        for event in self._confirmed(tag, multiple):
            self._outcomes[event.pk] = NotTaken(reason="The broker did not take it.")

    def _confirmed(self, tag: int, multiple: bool) -> list[OutboxEvent]:
        tags = [one for one in self._open if one <= tag] if multiple else [tag]
        return [self._open.pop(one) for one in tags if one in self._open]


_SECONDS = PATIENCE.total_seconds()


def _message(event: OutboxEvent) -> Message:
    known: dict[str, Any] = {"message_id": event.event_id, "type": event.type, "content_type": CONTENT_TYPE}
    trace = event.document.get("traceparent")
    headers = {"traceparent": trace} if trace else {}
    return Message(encoded(event), delivery_mode=2, application_headers=headers, **known)
