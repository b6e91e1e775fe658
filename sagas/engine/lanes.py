"""Lanes: each queue has one lane for each definition, and a worker takes from the lanes of its queues in turn.

So ten thousand sagas of one definition stand before each other, and not before another definition's. A lane is a queue
at the broker with a name of its own, "sagas:order". People, rows and workers speak of queues; lanes are known here, to
who rings and to who listens.
"""

from collections.abc import Iterable

from kombu import Exchange, Queue

from gateway.doorbell import Rank
from sagas.words import registry

SEPARATOR = ":"
"""No definition's name has it, and no queue of a definition may."""


def lane(queue: str, definition: str) -> str:
    """The lane of a definition in a queue; without a definition, the queue itself."""
    return f"{queue}{SEPARATOR}{definition}" if definition else queue


def lanes(queues: Iterable[str]) -> list[str]:
    """The lanes of these queues in which this process may have something to do."""
    served = set(queues)
    return sorted({lane(queue, each.name) for each in registry.everything() for queue in each.queues & served})


def declaration(name: str) -> Queue:
    """A queue or lane as the broker is told it, the same by who rings and by who listens."""
    return Queue(name, Exchange(name, type="direct"), routing_key=name)


def rank_of(priority: int) -> Rank:
    """Above 0 comes first, below 0 comes last; the numbers within make no difference."""
    return Rank.FIRST if priority > 0 else Rank.LAST if priority < 0 else Rank.NORMAL
