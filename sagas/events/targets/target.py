"""What a kind of target is: it sends events, and says of each what became of it.

class Printer(Target):
    def __init__(self, *, title: str) -> None: ...     # its settings are its keywords
    def send(self, events): ...
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, ClassVar

from sagas.models import OutboxEvent


@dataclass(frozen=True, kw_only=True)
class Sent:
    """The target has it, and has said so; `log` is what is kept of the try."""

    log: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class NotTaken:
    """It was not taken this time, or nobody knows; it is sent again, not before `after` if that is given."""

    reason: str
    after: timedelta | None = None
    log: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Unwanted:
    """It will not be taken as things stand, so a person must look at it."""

    reason: str
    log: Mapping[str, Any] = field(default_factory=dict)


Outcome = Sent | NotTaken | Unwanted


class Away(Exception):
    """The target as a whole cannot be reached: nothing is held against the events, and all of them wait."""


class Target(ABC):
    """A place where events go. One thread uses it; it may keep a connection open."""

    at_once: ClassVar[int] = 200
    """So many events are sent at a time, each of another saga."""
    tries: ClassVar[int] = 20
    """An event that is not taken is parked after so many."""

    @abstractmethod
    def send(self, events: Sequence[OutboxEvent]) -> list[Outcome]:
        """Send them; the outcome of each, in their order, within about ten seconds. Raises `Away`."""

    def close(self) -> None:  # noqa: B027 - most have nothing to close
        """Let go of connections."""


def routing_key(event: OutboxEvent) -> str:
    """The type; of what sagas tell by themselves with the definition behind it, as in "saga.ended.order"."""
    definition = event.document["sagadefinition"]
    return f"{event.type}.{definition}" if event.type.startswith("saga.") else event.type
