"""The state machine of notifications and of their deliveries, built once with the `transitions` library.

The machine is a guard and holds no row: `move` takes a row along an arrow that is drawn, or raises `MachineError`. Only
`record` moves rows, under the notification's lock.
"""

import logging
from typing import Protocol

from django.db.models import TextChoices
from transitions import Machine, MachineError

logging.getLogger("transitions").setLevel(logging.WARNING)  # it tells of every arrow, several times

__all__ = ["ENDS", "LONGEST", "UNSENT", "WAITING", "MachineError", "Status", "drawn", "machine", "move"]


class Status(TextChoices):
    """Where a notification, or one of its deliveries, stands."""

    ACCEPTED = "accepted"
    """Stored, and not looked at yet."""
    SCHEDULED = "scheduled"
    """It waits for its time: the one that was asked for, or the end of the receiver's quiet hours."""
    QUEUED = "queued"
    """It is going to be sent, for the first time or again."""
    SENDING = "sending"
    """A worker is at it."""
    SENT = "sent"
    """A provider has taken it."""
    DELIVERED = "delivered"
    """The provider says that it arrived."""
    SUPPRESSED = "suppressed"
    """Not sent: the address is dead, or its owner has complained."""
    SKIPPED = "skipped"
    """Not sent: the receiver does not want this kind of message."""
    DIGESTED = "digested"
    """Not sent by itself: it is part of a digest, or became one notification for each subscriber of its topic."""
    FAILED = "failed"
    """It will not be sent: refused, or tried often enough."""
    BOUNCED = "bounced"
    """There is no such address."""
    EXPIRED = "expired"
    """Its time was over before it could be sent."""
    CANCELLED = "cancelled"
    """Called off before it was sent."""
    UNKNOWN = "unknown"
    """No further try is made, and one of those made may have reached the receiver."""


WAITING = (Status.ACCEPTED, Status.SCHEDULED, Status.QUEUED)
UNSENT = (Status.SUPPRESSED, Status.SKIPPED, Status.FAILED, Status.BOUNCED, Status.EXPIRED, Status.CANCELLED)
ENDS = (Status.SENT, Status.DELIVERED, Status.DIGESTED, Status.UNKNOWN, *UNSENT)
LONGEST = 10

_NOT_SENT = "suppressed skipped expired cancelled failed"

# What is part of a digest stands where that stands, once that is known: "digested" leads to every end, and back from
# those that can be tried again.
# News may come at any time: a worker given up on tells that its try had succeeded, a provider that a message arrived or
# came back. "queued" leads out of an end when a person tries again, or when nobody has read it and the next channel is
# tried.
ARROWS = {
    "accepted": f"scheduled queued digested {_NOT_SENT}",
    "scheduled": f"queued digested unknown sent delivered {_NOT_SENT}",
    "queued": f"sending scheduled digested unknown sent delivered {_NOT_SENT}",
    "sending": "queued sent delivered failed bounced unknown",
    "sent": "delivered bounced failed queued",
    "delivered": "queued",
    "digested": f"sent delivered bounced unknown {_NOT_SENT}",
    "suppressed": "queued digested sent delivered",
    "skipped": "queued digested sent delivered",
    "failed": "queued digested sent delivered bounced",
    "bounced": "queued digested sent delivered",
    "expired": "digested sent delivered",
    "cancelled": "digested sent delivered",
    "unknown": "queued digested sent delivered bounced",
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


def drawn(source: str, target: str) -> bool:
    """Whether an arrow leads there."""
    return target in ARROWS[source].split()


def move(row: HasStatus, status: Status) -> None:
    """Take a row to a state along a drawn arrow. Raises `MachineError` when none is drawn."""
    event = machine.events.get(f"to_{status}")
    if event is None:
        raise MachineError(f"No arrow leads to {status}.")
    event.trigger(row)
