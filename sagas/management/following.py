"""Watching a saga until it ends."""

import time
from contextlib import nullcontext
from datetime import timedelta

from django.db import InterfaceError, OperationalError, connection

from sagas.engine.explain import explain
from sagas.engine.timeline import Reader
from sagas.management.screen import Screen, plain
from sagas.models import Saga

LOOK_EVERY = timedelta(seconds=0.5)
SILENT = "The database does not answer; it is asked again."


def follow(saga: Saga, screen: Screen, reader: Reader, *, timeout: timedelta | None, details: bool) -> Saga:
    """Show what happens as it happens, and below it what the saga waits for; return it when it has ended.

    Or when the time is up. A database that does not answer is asked again.
    """
    ends = time.monotonic() + timeout.total_seconds() if timeout is not None else None
    waiting = screen.console.status("") if screen.console.is_terminal else nullcontext()
    told = ""
    with waiting as status:
        while True:
            try:
                saga.refresh_from_db()
                screen.story(reader.news(), details=details)
                sentence = explain(saga)
            except (OperationalError, InterfaceError):
                connection.close()
                sentence = SILENT
            if status is not None:
                status.update(plain(sentence))
            elif sentence != told and (sentence == SILENT or told == SILENT):
                screen.say(sentence)
            told = sentence
            left = ends - time.monotonic() if ends is not None else LOOK_EVERY.total_seconds()
            if (saga.ended_at and sentence != SILENT) or left <= 0:
                return saga
            time.sleep(min(LOOK_EVERY.total_seconds(), left))
