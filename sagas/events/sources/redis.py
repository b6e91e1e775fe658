"""Redis Streams: a consumer group; each entry acknowledged after its commit, and taken over from consumers that died.

An entry has the field `event`, a CloudEvent as JSON, or `data` with `id` and `type` beside it.
"""

import os
import socket
import threading
import time
from collections.abc import Iterable, Mapping
from contextlib import suppress
from datetime import timedelta
from typing import Any

import redis

from sagas.events.arriving import Message
from sagas.events.sources.source import Source, Take, a_word, headers_of

PATIENCE = timedelta(seconds=5)
TICK = timedelta(milliseconds=500)
"""How long a quiet stream is waited for before it is seen whether to stop."""
OWN = ("event", "data", "id", "type")


class Redis(Source):
    """`group` reads the stream once, by however many processes; what one of them left for `claim_after` seconds
    another one takes over."""

    def __init__(
        self, *, url: str, stream: str, group: str = "sagas", prefetch: int = 50, claim_after: float = 30
    ) -> None:
        if not url.startswith(("redis://", "rediss://", "unix://")):
            raise ValueError("url must begin with redis:// or rediss://.")
        if claim_after <= 0:
            raise ValueError("claim_after is a number of seconds.")
        self._url, self._stream, self._group = url, stream, group
        self._prefetch, self._claim_after = prefetch, claim_after

    def run(self, take: Take, stopping: threading.Event) -> None:
        """Read what is new, and now and then what others have left."""
        me = f"{socket.gethostname()}:{os.getpid()}"
        claimed = float("-inf")
        seconds = PATIENCE.total_seconds()
        with redis.Redis.from_url(self._url, socket_timeout=seconds, socket_connect_timeout=seconds) as server:
            self._make(server)
            while not stopping.is_set():
                if time.monotonic() - claimed > self._claim_after / 2:
                    self._take_over(server, me, take, stopping)
                    claimed = time.monotonic()
                answer: Any = server.xreadgroup(
                    self._group,
                    me,
                    {self._stream: ">"},
                    count=self._prefetch,
                    block=int(TICK.total_seconds() * 1000),
                )
                for _, entries in answer or ():
                    self._take_all(server, entries, take, stopping, redelivered=False)

    def _make(self, server: "redis.Redis") -> None:
        with suppress(redis.ResponseError):  # BUSYGROUP: it is there
            server.xgroup_create(self._stream, self._group, id="0", mkstream=True)

    def _take_over(self, server: "redis.Redis", me: str, take: Take, stopping: threading.Event) -> None:
        idle, begin = int(self._claim_after * 1000), "0-0"
        while not stopping.is_set():
            answer: Any = server.xautoclaim(
                self._stream, self._group, me, min_idle_time=idle, start_id=begin, count=self._prefetch
            )
            begin, entries = answer[0].decode(), answer[1]
            self._take_all(server, entries, take, stopping, redelivered=True)
            if begin == "0-0":
                return

    def _take_all(
        self, server: "redis.Redis", entries: Iterable[Any], take: Take, stopping: threading.Event, *, redelivered: bool
    ) -> None:
        for entry, fields in entries:
            if stopping.is_set():
                return
            if fields is not None:  # else it was cut off the stream meanwhile
                take(_read(fields, redelivered))
            server.xack(self._stream, self._group, entry)


def _read(fields: Mapping[bytes, bytes], redelivered: bool) -> Message:
    plain = {name.decode(errors="replace"): value for name, value in fields.items()}
    return Message(
        body=plain.get("event", plain.get("data", b"")),
        headers=headers_of({name: value for name, value in plain.items() if name not in OWN}),
        id=a_word(plain.get("id")),
        type=a_word(plain.get("type"), 100),
        redelivered=redelivered,
    )
