"""The lives of a process that takes events in: one for each source, and two that look after what is stored."""

import threading
from collections.abc import Mapping
from functools import partial

from gateway.borrowing import borrowed
from sagas.conf import conf
from sagas.events import inbox
from sagas.events.build import source
from sagas.events.loop import Life
from sagas.record import clock

LOOK_EVERY = 0.5
FORGET_EVERY = 60.0
"""Seconds."""


def lives() -> Mapping[str, Life]:
    """One for each source that is declared, and what belongs to them; none without any."""
    sources = {f"events from {name}": _receiver(name) for name in conf().event_sources}
    return sources | ({"waiting events": look, "done events": forget} if sources else {})


def _receiver(name: str) -> Life:
    def receive(stopping: threading.Event) -> None:
        source(name).run(partial(inbox.take, name), stopping)

    return receive


def look(stopping: threading.Event) -> None:
    """Try what waits for its saga."""
    while not stopping.is_set():
        if not inbox.look_again():
            stopping.wait(LOOK_EVERY)


def forget(stopping: threading.Event) -> None:
    """Remove what was done long ago, a little at a time."""
    while not stopping.is_set():
        with borrowed():
            before = clock.now() - conf().events_kept
        if not inbox.forget(before):
            stopping.wait(FORGET_EVERY)
