"""The processes of a schedule: workers as they are, but for their own thread, whose rounds are acts of the schedule;
and a broker that is a list of messages."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from gateway.doorbell import Rank, Ring
from sagas.engine import workers
from sagas.engine.sweep import sweep
from sagas.models import Audit
from sagas.record import holds
from tests.schedules.actors import Actor, current, in_one_go
from tests.schedules.machine import Machine


class Broker:
    """Messages in the order in which they came; stands where the doorbell's publisher stands."""

    def __init__(self) -> None:
        self.messages: list[tuple[int, ...]] = []

    def ring(self, ring: Ring) -> bool:
        self.messages.append(tuple(ring.args))
        return True

    def failing_since(self) -> None:
        return None


class Here(workers.Here):
    """A worker process that has begun, without a thread of its own.

    `glance` is what it knows of participants that are held, `decided` how much had been decided about them by then.
    """

    glance: holds.Held = {}
    decided = 0

    def start(self) -> None:
        self._begun = True

    def _look_at_holds(self) -> None:
        """Into this process's own memory: all of them are played by one here."""
        self.decided = decided()
        self.glance = holds.seen()

    def beat(self) -> None:
        """A heart beats beside all that its process does."""
        with in_one_go():
            super().beat()


class Glances:
    """What is held, as far as the process knows whose actor asks: stands where a process keeps its own."""

    def __bool__(self) -> bool:
        return bool(self._mine())

    def get(self, name: tuple[str, str], default: Any) -> Any:
        return self._mine().get(name, default)

    def _mine(self) -> holds.Held:
        actor = current()
        return actor.here.glance if actor is not None and actor.here is not None else {}


def decided() -> int:
    """How often somebody held a participant, released one or let a saga pass."""
    return Audit.objects.filter(verb__in=["hold", "release", "canary"]).count()


class Process:
    """A worker process: the actors that are its threads live and die together."""

    def __init__(self, name: str, machine: Machine, *, slots: int, skew: int) -> None:
        self.name, self.slots, self.skew = name, slots, timedelta(seconds=skew)
        self._machine = machine
        self.frozen = self.dead = False
        self.actors: list[Actor] = []
        self.here = Here(name=name, queues=["sagas"], concurrency=slots)
        self.here.start()

    def deliver(self, message: Sequence[int]) -> Actor | None:
        """Take a message up in a free slot; None if there is none."""
        pairs = list(zip(message[::2], message[1::2], strict=True))
        return self._in_a_slot(lambda: self.here.deliver(*pairs[0], Rank.NORMAL, more=pairs[1:]))

    def look(self) -> Actor | None:
        """Look at the door, and do the first thing that was left lying there."""

        def act() -> Any:
            return [self.here.deliver(*found) for found in self.here.left_lying(1000)[:1]]

        return self._in_a_slot(act)

    def sweep(self) -> Actor | None:
        """Sweep, one at a time."""
        return self._begin(f"{self.name}.sweep", sweep)

    def _in_a_slot(self, act: Any) -> Actor | None:
        return next(filter(None, (self._begin(f"{self.name}.{slot}", act) for slot in range(self.slots))), None)

    def _begin(self, name: str, act: Any) -> Actor | None:
        if self.frozen or self.dead or any(actor.name == name for actor in self.actors):
            return None
        actor = self._machine.actor(name, act)
        actor.skew, actor.here, actor.decided = self.skew, self.here, self.here.decided
        self.actors.append(actor)
        return actor

    def can_freeze(self) -> bool:
        """It does something, and holds no locks: whoever waits for those would wait in vain."""
        free = not any(actor.waiting or actor.in_transaction for actor in self.actors)
        return bool(self.actors) and free and not self.frozen

    def die(self) -> list[Actor]:
        """Killed: whatever its threads did ends where it stands; those that still wait for somebody."""
        self.dead = True
        for actor in self.actors:
            actor.die()
        left, self.actors = [actor for actor in self.actors if not actor.done], []
        return left
