"""`manage.py publish`: what sagas tell the world is sent to its targets."""

from typing import Any

from sagas.conf import conf
from sagas.events.loop import Loop
from sagas.events.sending import lives
from sagas.management.running import Running


class Command(Running):
    """Send events until stopped; any number of these may run."""

    help = "Send events to the targets in SAGAS['EVENT_TARGETS'], until stopped. Any number of these may run."

    def handle(self, *args: Any, **options: Any) -> None:
        """Send; without a target wait, so that the process need not be taken out of the Procfile."""
        names = ", ".join(conf().event_targets)
        nothing = "No target of events is declared (EVENT_TARGETS); waiting to be stopped."
        self.run(Loop(lives()), f"Sending events to {names}." if names else nothing)
