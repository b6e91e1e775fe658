"""What commands that run until they are stopped have in common: they say what they do, and end in good order."""

import signal
import threading
from typing import Any

from django.core.management.base import BaseCommand

from sagas.events.loop import Loop


class Running(BaseCommand):
    """Runs the lives of a `Loop` until SIGTERM or SIGINT."""

    requires_system_checks = ()

    def run(self, loop: Loop, saying: str) -> None:
        """Say that it runs, wait for the signal, and let what is under way be finished."""
        asked = threading.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: asked.set())
        loop.start()
        self._say(saying)
        asked.wait()
        whole = loop.stop()
        self._say("Stopped." if whole else "Stopped in the middle of something; it is done again.")

    def _say(self, what: Any) -> None:
        self.stdout.write(what)
        self.stdout.flush()
