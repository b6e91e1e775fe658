"""Everything a schedule plays with, and what its acts do.

    go w0.0       that actor goes on to its next stop        take w1 3     the process takes up the 4th message
    crash w1      the process dies                           again 3       the 4th message comes twice
    start w1      a dead one begins anew                     flush         the broker loses all it has
    freeze w1     it stands still; thaw w1                   look w1       it looks at the door
    cut w0.0      the answer of the database does not come   sweep w1      it begins to sweep
    later 40      time passes, and hearts beat               cancel 0 …    a person begins to do it, see `people`

An act that cannot be done at that moment does nothing, so that a list of acts is still one when some are left out.
"""

import logging
import math
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

from django.db import OperationalError, connection
from django.test import override_settings

import gateway.doorbell
from sagas import operations
from sagas.record import holds
from sagas.words import boundaries, registry
from tests.sagas.tables import built
from tests.schedules.actors import HANGS, Actor, Cut
from tests.schedules.guard import Guard
from tests.schedules.ledger import Ledger
from tests.schedules.machine import Machine, Memory, instead
from tests.schedules.people import People
from tests.schedules.plan import Plan
from tests.schedules.postgres import Postgres
from tests.schedules.processes import Broker, Glances, Process
from tests.schedules.watch import Broken, Watch

UNCUT = {*(boundaries.ALL - boundaries.COMMITS), "its begin", "asleep"}
"""Stops at which no answer of the database is awaited."""
SETTINGS = {"SLICE_TIME": timedelta(hours=1)}
"""A slice ends by its steps alone: real time decides nothing."""


class Stage:
    """The processes, the broker, the participant and the people of one schedule."""

    def __init__(self, plan: Plan, machine: Machine) -> None:
        self.plan, self.machine = plan, machine
        self.ledger, self.broker, self.watch = Ledger(plan.script, barrier=plan.barrier), Broker(), Watch(machine)
        self.people = People(self)
        self.born: Counter[int] = Counter()
        self.seen: Counter[str] = Counter()
        self.processes: list[Process] = []
        self.ghosts: list[Actor] = []
        self.table = built(plan.table, self.ledger)
        if "hold" in plan.faults:
            self.watch.guard = Guard(machine, self.table, lambda: self.processes)

    def begin(self) -> None:
        """The processes begin, and somebody starts the saga."""
        for number in range(self.plan.processes):
            self.processes.append(self._process(number))
        self.order("refuse")

    def order(self, on_duplicate: Any) -> None:
        """Somebody starts a saga; all of them want the same business key, if any."""
        key = "one" if "rival" in self.plan.faults else None
        operations.start(self.table.name, actor="somebody", business_key=key, on_duplicate=on_duplicate)

    def _process(self, number: int) -> Process:
        self.born[number] += 1
        skew = self.plan.skews[number] if number < len(self.plan.skews) else 0
        process = Process(f"w{number}", self.machine, slots=self.plan.slots, skew=skew)
        process.here.beat()
        return process

    # Who is there

    def actors(self) -> Iterator[Actor]:
        """Who is under way and can go on."""
        yield from (actor for actor in self._awake() if actor.arrives())

    def waiting(self) -> list[Actor]:
        """Who waits for somebody else."""
        return [actor for actor in self._awake() if not actor.arrives()]

    def _awake(self) -> list[Actor]:
        mine = [actor for process in self.processes if not process.frozen for actor in process.actors]
        return mine + self.people.actors

    def actor(self, name: str) -> Actor | None:
        return next((actor for actor in self.actors() if actor.name == name), None)

    def process(self, name: str) -> Process | None:
        return next((process for process in self.processes if process.name == name), None)

    def is_over(self) -> bool:
        """Has every saga ended?"""
        return not self.machine.rows("SELECT 1 FROM sagas_saga WHERE ended_at IS NULL")

    def until_the_next_clock(self) -> int | None:
        """In how many seconds the next clock of any row is over, a day at most; None without one."""
        [(at,)] = self.machine.rows("SELECT min(at) FROM sagas_run WHERE work IS NOT NULL AND hold_id IS NULL")
        if at is None:
            return None
        when = datetime.fromisoformat(at).replace(tzinfo=UTC) if isinstance(at, str) else at
        return min(math.ceil((when - self.machine.now()).total_seconds()), 86_400)

    # Acts

    def do(self, act: str) -> bool:
        """Do an act; False if it cannot be done now. Raises `Broken`, whose sentences say what must not be."""
        what, *about = act.split()
        mine = getattr(self, f"_{what}", None) or self._person(what)
        return bool(mine(*about))

    def _go(self, name: str) -> bool:
        return self._goes(self.actor(name))

    def _goes(self, actor: Actor | None) -> bool:
        if actor is not None:
            if not actor.done:  # it may have come to its end when what it waited for had come
                actor.go()
            self._harvest()
        return actor is not None

    def _cut(self, name: str) -> bool:
        actor = self.actor(name)
        if actor is None or actor.done or actor.at in UNCUT:
            return False
        actor.cut()
        self._harvest()
        return True

    def _harvest(self) -> None:
        """Who has come to an end leaves; what a worker raised is a fault, unless its connection was cut."""
        for actors in (*(process.actors for process in self.processes), self.people.actors):
            for actor in [actor for actor in actors if actor.done]:
                actors.remove(actor)
                if actors is self.people.actors:
                    self.people.heard(actor)
                elif actor.error and not _was_cut(actor):
                    raise Broken(f"{actor.name} raised {type(actor.error).__name__}: {actor.error}") from actor.error
        self.fade()
        self.watch.raises()

    def fade(self) -> None:
        """Whoever was killed while it waited for somebody dies when it has what it waited for."""
        for ghost in self.ghosts:
            ghost.fade()
        self.ghosts = [ghost for ghost in self.ghosts if not ghost.done]

    def _take(self, name: str, number: str) -> bool:
        process, place = self.process(name), int(number)
        if process is None or place >= len(self.broker.messages):
            return False
        actor = process.deliver(self.broker.messages[place])
        if actor is not None:
            del self.broker.messages[place]
        return self._goes(actor)

    def _again(self, number: str) -> bool:
        place = int(number)
        if place >= len(self.broker.messages):
            return False
        self.broker.messages.append(self.broker.messages[place])
        return True

    def _flush(self) -> bool:
        lost = bool(self.broker.messages)
        self.broker.messages.clear()
        return lost

    def _look(self, name: str) -> bool:
        process = self.process(name)
        return process is not None and self._goes(process.look())

    def _sweep(self, name: str) -> bool:
        process = self.process(name)
        return process is not None and self._goes(process.sweep())

    def _crash(self, name: str) -> bool:
        process = self.process(name)
        if process is None or process.dead or not process.actors:
            return False
        self.seen.update(f"crash at {actor.at}" for actor in process.actors)
        self.ghosts += process.die()
        return True

    def _start(self, name: str) -> bool:
        process = self.process(name)
        if process is None or not process.dead:
            return False
        self.processes[self.processes.index(process)] = self._process(int(name[1:]))
        return True

    def _freeze(self, name: str) -> bool:
        process = self.process(name)
        if process is None or not process.can_freeze():
            return False
        process.frozen = True
        return True

    def _thaw(self, name: str) -> bool:
        process = self.process(name)
        if process is None or not process.frozen:
            return False
        process.frozen = False
        return True

    def _later(self, seconds: str) -> bool:
        self.machine.forward(timedelta(seconds=int(seconds)))
        self.beat()
        return True

    def beat(self) -> None:
        """The hearts of all that are neither dead nor frozen."""
        for process in self.processes:
            if not process.dead and not process.frozen:
                process.here.beat()

    def _person(self, verb: str) -> Any:
        return lambda *about: self._goes(self.people.begin(verb, *about))

    def end(self) -> None:
        """Whoever is left goes."""
        everybody = [*self._awake(), *(actor for process in self.processes for actor in process.actors), *self.ghosts]
        until = time.monotonic() + HANGS
        while everybody:
            for actor in everybody:
                actor.die()
            everybody = [actor for actor in everybody if not actor.done]
            if everybody and time.monotonic() > until:
                raise AssertionError(f"{everybody[0]} does not end.")


def _was_cut(actor: Actor) -> bool:
    """Did its connection's end end it, or that of the one that wrote for it?"""
    return isinstance(actor.error, Cut) or (actor.was_cut and isinstance(actor.error, OperationalError))


@contextmanager
def staged(plan: Plan) -> Iterator[Stage]:
    """A stage on this test's database, where the schedule has just begun."""
    machine = Memory() if connection.vendor == "sqlite" else Postgres()
    with ExitStack() as stack:
        stack.enter_context(machine.running(Random(f"{plan.seed} machine"), fine=plan.fine))
        stage = Stage(plan, machine)
        stack.enter_context(override_settings(SAGAS={**SETTINGS, **plan.settings}))
        stack.enter_context(registry.replaced([stage.table]))
        stack.enter_context(instead(gateway.doorbell, "_doorbell", stage.broker))
        stack.enter_context(instead(holds, "_held", Glances()))
        stack.enter_context(boundaries.watched(stage.watch.at))
        stack.enter_context(boundaries.watched(machine.at_boundary))
        stack.enter_context(stage.watch.listening(logging.getLogger("sagas")))
        stack.callback(stage.end)
        stage.begin()
        yield stage
