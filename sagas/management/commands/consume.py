"""`manage.py consume`: events from outside start sagas and signal them."""

from typing import Any

from sagas.conf import conf
from sagas.events.loop import Loop
from sagas.events.receiving import lives
from sagas.management.running import Running


class Command(Running):
    """Take events in until stopped; any number of these may run."""

    help = "Take events in from the sources in SAGAS['EVENT_SOURCES'], until stopped. Any number of these may run."

    def handle(self, *args: Any, **options: Any) -> None:
        """Take events in; without a source wait, so that the process need not be taken out of the Procfile."""
        names = ", ".join(conf().event_sources)
        nothing = "No source of events is declared (EVENT_SOURCES); waiting to be stopped."
        self.run(Loop(lives()), f"Taking events in from {names}." if names else nothing)
