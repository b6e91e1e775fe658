"""The lives of a process that sends events: one for each target, and one that forgets what is old."""

import threading
import time
from collections.abc import Mapping

from gateway.borrowing import borrowed
from gateway.ids import uuid7
from sagas.conf import conf
from sagas.events import lanes, publisher
from sagas.events.build import target
from sagas.events.loop import Life
from sagas.record import clock

IDLE = 0.2
"""Seconds between two looks at an outbox in which there was nothing."""
MEND_EVERY = FORGET_EVERY = 60.0


def lives() -> Mapping[str, Life]:
    """One for each target that is declared; none without any."""
    targets = {f"events to {name}": _sender(name) for name in conf().event_targets}
    return targets | ({"sent events": forget} if targets else {})


def _sender(name: str) -> Life:
    def send(stopping: threading.Event) -> None:
        place, me, mended = target(name), uuid7(), float("-inf")
        try:
            while not stopping.is_set():
                if time.monotonic() - mended > MEND_EVERY:
                    publisher.mend(name)
                    mended = time.monotonic()
                if not publisher.publish(name, place, me):
                    stopping.wait(IDLE)
        finally:
            place.close()
            with borrowed():
                lanes.let_go(name, me)

    return send


def forget(stopping: threading.Event) -> None:
    """Remove what was sent long ago, a little at a time."""
    while not stopping.is_set():
        with borrowed():
            before = clock.now() - conf().events_kept
        if not publisher.forget(before):
            stopping.wait(FORGET_EVERY)
