"""Tell Celery's workers that something is due, without ever waiting for the broker.

The row in the database is the truth and the message only a doorbell, so a ring may be lost but must never delay or fail
the caller. `ring` puts it into a bounded queue of this process; one daemon thread publishes, over a connection of its
own with short time-outs. After a failure nothing is published for five seconds, and rings of that time are dropped: the
sweep rings again.
"""

import atexit
import logging
import os
import threading
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from enum import IntEnum
from typing import Any

from celery import Celery, current_app
from kombu.connection import Connection

from gateway.counters import Counter

logger = logging.getLogger(__name__)

CAPACITY = 10_000
BREAKER = timedelta(seconds=5)
PATIENCE = timedelta(seconds=1)
EXIT = timedelta(seconds=1)

# What keeps a publish short: some names are Redis's, some RabbitMQ's, some kombu's, and each ignores what it does not
# know. RabbitMQ takes a message into the socket's buffer and says nothing, so only publisher confirms notice a frozen
# one.
_SECONDS = PATIENCE.total_seconds()
_TRANSPORT_OPTIONS: dict[str, Any] = {
    "socket_timeout": _SECONDS,
    "socket_connect_timeout": _SECONDS,
    "connect_timeout": _SECONDS,
    "read_timeout": _SECONDS,
    "write_timeout": _SECONDS,
    "confirm_publish": True,
    "max_retries": 0,
    "interval_start": 0,
}


RINGS = Counter(
    name="rings_total",
    help="Messages to workers: published, failed at the broker, or dropped unsent, for the sweep to ring again.",
    labels=("outcome",),
)


class Rank(IntEnum):
    """Whose turn it is first among the messages of all queues of a worker: the number that goes with the message.

    Redis keeps each number apart and serves the lower one first. Other brokers do not look at it.
    """

    FIRST = 0
    NORMAL = 1
    LAST = 2


@dataclass(frozen=True, slots=True)
class Ring:
    """One message to be: task, JSON arguments, queue, when it may run, when it is worth nothing, and the app to use."""

    task: str
    args: tuple[Any, ...]
    queue: str | None
    countdown: timedelta | None
    expires: timedelta | None
    app: Celery
    rank: Rank = Rank.NORMAL


@dataclass(slots=True)
class Tally:
    """What became of the rings of this process: published, failed at the broker, dropped unsent."""

    published: int = 0
    failed: int = 0
    dropped: int = 0


class Line:
    """The publisher's own connection to the broker; opened on first use, closed after any failure."""

    def __init__(self) -> None:
        self._connection: Connection | None = None
        self._app: Celery | None = None

    def send(self, ring: Ring) -> None:
        """Publish the ring; a connection that died while idle is replaced once. Raises what the transport raises."""
        if self._app is not ring.app:
            self.close()
        was_open = self._connection is not None
        try:
            self._publish(ring)
        except Exception:
            self.close()
            if not was_open:
                raise
            self._publish_or_close(ring)

    def close(self) -> None:
        """Forget the connection, without asking the broker."""
        connection, self._connection, self._app = self._connection, None, None
        if connection is not None:
            connection.collect(socket_timeout=0.1)

    def _publish_or_close(self, ring: Ring) -> None:
        try:
            self._publish(ring)
        except Exception:
            self.close()
            raise

    def _publish(self, ring: Ring) -> None:
        if self._connection is None:
            self._connection, self._app = _connect(ring.app), ring.app
        ring.app.send_task(
            ring.task,
            args=ring.args,
            queue=ring.queue,
            countdown=_seconds(ring.countdown),
            expires=_seconds(ring.expires),
            priority=int(ring.rank),
            connection=self._connection,
            retry=False,
            ignore_result=True,
            add_to_parent=False,
            timeout=_SECONDS,
            confirm_timeout=_SECONDS,
        )


def _seconds(time: timedelta | None) -> float | None:
    return time.total_seconds() if time else None


def _connect(app: Celery) -> Connection:
    connection: Connection = app.connection_for_write(connect_timeout=_SECONDS, transport_options=_TRANSPORT_OPTIONS)
    return connection


class Doorbell:
    """A bounded queue and the one daemon thread that publishes it. One per process; a forked child gets a new one."""

    def __init__(self, capacity: int = CAPACITY, breaker: timedelta = BREAKER) -> None:
        self._capacity = capacity
        self._breaker = breaker.total_seconds()
        self._rings: deque[Ring] = deque()
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None
        self._line = Line()
        self._publishing_since: float | None = None
        self._failing_since: float | None = None
        self._closed_until = 0.0
        self.tally = Tally()

    def ring(self, ring: Ring) -> bool:
        """Take the ring for publishing; False when it is dropped, because the breaker is open or the queue is full."""
        with self._changed:
            if time.monotonic() < self._closed_until or len(self._rings) >= self._capacity:
                self._drop(1)
                return False
            self._rings.append(ring)
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(target=self._run, name="doorbell", daemon=True)
                self._thread.start()
            self._changed.notify_all()
            return True

    def failing_since(self) -> float | None:
        """When publishing began to fail (`time.monotonic()`), None while it works; one that is overdue has failed."""
        with self._changed:
            since = self._publishing_since
            overdue = since is not None and time.monotonic() - since > 2 * _SECONDS
            return self._failing_since or (since if overdue else None)

    def flush(self, timeout: timedelta) -> bool:
        """Wait until everything is published or dropped; False if that took longer than the time-out."""
        with self._changed:
            return self._changed.wait_for(self._is_idle, timeout.total_seconds())

    def close(self) -> None:
        """Let the connection go, when nothing is being published; the next ring opens another."""
        self._line.close()

    def _drop(self, number: int) -> None:
        self.tally.dropped += number
        RINGS.add("dropped", by=number)

    def _is_idle(self) -> bool:
        return not self._rings and self._publishing_since is None

    def _run(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._rings)
                ring = self._rings.popleft()
                self._publishing_since = time.monotonic()
            self._publish(ring)

    def _publish(self, ring: Ring) -> None:
        failure: Exception | None = None
        try:
            self._line.send(ring)
        except Exception as error:  # whatever the transport raises, the thread lives on
            failure = error
        with self._changed:
            began, self._publishing_since = self._publishing_since, None
            if failure is None:
                self._note_success()
            else:
                self._note_failure(failure, began)
            self._changed.notify_all()

    def _note_success(self) -> None:
        self.tally.published += 1
        RINGS.add("published")
        if self._failing_since is not None:
            logger.info("The message broker takes messages again.")
        self._failing_since = None

    def _note_failure(self, failure: Exception, began: float | None) -> None:
        self.tally.failed += 1
        RINGS.add("failed")
        self._drop(len(self._rings))
        self._rings.clear()
        self._closed_until = time.monotonic() + self._breaker
        if self._failing_since is None:
            self._failing_since = began
            logger.warning(
                "The message broker does not take messages (%s); the sweep will deliver what is due.", failure
            )


_doorbell = Doorbell()
_left_behind: list[Doorbell] = []


def ring(
    task_name: str,
    args: Sequence[Any] = (),
    queue: str | None = None,
    *,
    countdown: timedelta | None = None,
    expires: timedelta | None = None,
    rank: Rank = Rank.NORMAL,
) -> bool:
    """Ask a worker to run the task soon. Never blocks and never raises; False says that it was dropped right away.

    `args` are JSON values, by convention ids; `countdown` is a hint of a few seconds; after `expires` the message is
    discarded. Call it after the commit. With Celery's eager mode the task runs here and now instead.
    """
    app = current_app._get_current_object()
    if app.conf.task_always_eager:
        app.tasks[task_name].apply(args=tuple(args), throw=app.conf.task_eager_propagates)
        return True
    return _doorbell.ring(Ring(task_name, tuple(args), queue, countdown, expires, app, rank))


def failing_since() -> float | None:
    """When publishing began to fail, on the clock of `time.monotonic()`; None while it works or was never tried."""
    return _doorbell.failing_since()


def tally() -> Tally:
    """What became of this process's rings so far."""
    return _doorbell.tally


def flush(timeout: timedelta = EXIT) -> bool:
    """Wait, at most for the time-out, until nothing is left to publish; False if something is."""
    return _doorbell.flush(timeout)


def _renew_after_fork() -> None:
    # The parent's bell is kept: were it freed, its connection would shut down the socket that the parent still uses.
    global _doorbell
    _left_behind.append(_doorbell)
    _doorbell = Doorbell()


os.register_at_fork(after_in_child=_renew_after_fork)
atexit.register(flush)
