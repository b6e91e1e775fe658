"""Redis Streams: each event is an entry with the fields `id`, `type`, `saga` and `event`, the CloudEvent as JSON."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from sagas.events.envelope import encoded
from sagas.events.targets.target import Away, NotTaken, Outcome, Sent, Target
from sagas.models import OutboxEvent

PATIENCE = timedelta(seconds=5)
"""How long Redis may keep silent."""


class Redis(Target):
    """`url` is redis://…; the stream is cut at about `longest` entries, so that it cannot fill the memory."""

    def __init__(self, *, url: str, stream: str = "sagas", longest: int = 1_000_000) -> None:
        if not url.startswith(("redis://", "rediss://", "unix://")):
            raise ValueError("url must begin with redis:// or rediss://.")
        if longest < 1:
            raise ValueError("longest is a number of entries, at least 1.")
        self._stream, self._longest = stream, longest
        seconds = PATIENCE.total_seconds()
        self._redis = redis.Redis.from_url(
            url, socket_timeout=seconds, socket_connect_timeout=seconds, retry=Retry(NoBackoff(), 0)
        )

    def send(self, events: Sequence[OutboxEvent]) -> list[Outcome]:
        """Add all in one round trip; Redis says of each that it has it."""
        try:
            with self._redis.pipeline(transaction=False) as pipeline:
                for event in events:
                    fields = {"id": event.event_id, "type": event.type, "saga": str(event.saga)}
                    entry: dict[Any, Any] = {**fields, "event": encoded(event)}
                    pipeline.xadd(self._stream, entry, maxlen=self._longest, approximate=True)
                answers = pipeline.execute(raise_on_error=False)
        except (redis.RedisError, OSError) as error:
            self.close()
            raise Away(f"{type(error).__name__}: {error}") from error
        if answers and all(isinstance(answer, redis.RedisError) for answer in answers):
            raise Away(f"{type(answers[0]).__name__}: {answers[0]}")  # read-only, full, or no stream by that name
        return [
            NotTaken(reason=f"{type(answer).__name__}: {answer}") if isinstance(answer, Exception) else Sent()
            for answer in answers
        ]

    def close(self) -> None:
        """Let go of the connection."""
        self._redis.close()
