"""RabbitMQ: a durable queue, bound to an exchange if that is said; each message acknowledged after its commit."""

import threading
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from kombu import Connection

from sagas.events.arriving import Message
from sagas.events.sources.source import Source, Take, a_word, headers_of

PATIENCE = timedelta(seconds=5)
HEARTBEAT = timedelta(seconds=20)
TICK = 0.5
"""Seconds after which a quiet queue is left to see whether to stop."""


class RabbitMQ(Source):
    """`queue` is made where it is not there, and bound to `exchange` by `keys`; not with `declare=False`.

    `prefetch` is how many messages the broker sends ahead.
    """

    def __init__(
        self,
        *,
        url: str,
        queue: str,
        exchange: str = "",
        keys: Sequence[str] = ("#",),
        prefetch: int = 50,
        declare: bool = True,
    ) -> None:
        if not url.startswith(("amqp://", "amqps://", "pyamqp://")):
            raise ValueError("url must begin with amqp:// or amqps://.")
        if isinstance(keys, str):
            raise ValueError("keys is a list of words.")
        self._url, self._queue, self._exchange, self._keys = url, queue, exchange, tuple(keys)
        self._prefetch, self._declare = prefetch, declare

    def run(self, take: Take, stopping: threading.Event) -> None:
        """Consume until told to stop; what was sent ahead goes back to the queue when the connection closes."""
        seconds = PATIENCE.total_seconds()
        silence = {"read_timeout": seconds, "write_timeout": seconds}
        told: dict[str, Any] = {"heartbeat": HEARTBEAT.total_seconds(), "transport_options": silence}
        with Connection(self._url, connect_timeout=seconds, **told) as connection:
            channel = connection.channel()
            if self._declare:
                self._make(channel)

            failed = False

            def on_message(message: Any) -> None:
                nonlocal failed
                if failed or stopping.is_set():  # what was sent ahead still comes while the connection closes
                    return
                failed = True
                take(_read(message))
                failed = False
                channel.basic_ack(message.delivery_info["delivery_tag"])

            channel.basic_qos(0, self._prefetch, False)
            channel.basic_consume(self._queue, callback=on_message)
            while not stopping.is_set():
                connection.heartbeat_check()
                try:
                    connection.drain_events(timeout=TICK)
                except TimeoutError:
                    continue

    def _make(self, channel: Any) -> None:
        channel.queue_declare(self._queue, durable=True, auto_delete=False)
        if self._exchange:
            channel.exchange_declare(self._exchange, "topic", durable=True, auto_delete=False)
            for key in self._keys:
                channel.queue_bind(self._queue, self._exchange, key)


def _read(message: Any) -> Message:
    body = message.body
    known = message.properties
    return Message(
        body=body if isinstance(body, bytes) else str(body).encode(errors="replace"),
        headers=headers_of(known.get("application_headers")),
        id=a_word(known.get("message_id")),
        type=a_word(known.get("type"), 100) or a_word(message.delivery_info.get("routing_key"), 100),
        redelivered=bool(message.delivery_info.get("redelivered")),
    )
