"""The state machine of a notification, built once with the `transitions` library.

The machine is a guard and holds no row: `move` takes a row along an arrow that is drawn, or raises `MachineError`. Only
`record` moves rows, under the row's lock.
"""

import logging
from typing import Protocol

from django.db.models import TextChoices
from transitions import Machine, MachineError

logging.getLogger("transitions").setLevel(logging.WARNING)  # it tells of every arrow, several times

__all__ = ["ENDS", "WAITING", "MachineError", "Status", "machine", "move"]


class Status(TextChoices):
    """Where a notification stands."""

    ACCEPTED = "accepted"
    """Stored, and not tried yet."""
    SENDING = "sending"
    """A worker is at it."""
    QUEUED = "queued"
    """Tried without success; it will be tried again."""
    SENT = "sent"
    """The channel's provider has taken it."""
    FAILED = "failed"
    """It will not be sent: refused, or tried often enough."""
    UNKNOWN = "unknown"
    """No further try is made, and one of those made may have reached the receiver."""


WAITING = (Status.ACCEPTED, Status.QUEUED)
ENDS = (Status.SENT, Status.FAILED, Status.UNKNOWN)

# The last three arrows to "sent" are late news: a worker given up on tells that its try had succeeded.
ARROWS = {
    "accepted": "sending",
    "sending": "sent failed unknown queued",
    "queued": "sending sent",
    "failed": "sent",
    "unknown": "sent",
    "sent": "",
}


class HasStatus(Protocol):
    """A row that the machine can move."""

    status: str


def _build() -> Machine:
    drawn = [
        {"trigger": f"to_{target}", "source": source, "dest": target}
        for source, targets in ARROWS.items()
        for target in targets.split()
    ]
    return Machine(
        model=None,
        states=list(ARROWS),
        transitions=drawn,
        initial="accepted",
        auto_transitions=False,
        send_event=True,
        queued=False,
        model_attribute="status",
    )


machine = _build()


def move(row: HasStatus, status: Status) -> None:
    """Take a row to a state along a drawn arrow. Raises `MachineError` when none is drawn."""
    event = machine.events.get(f"to_{status}")
    if event is None:
        raise MachineError(f"No arrow leads to {status}.")
    event.trigger(row)
