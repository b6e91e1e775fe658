"""The world of a test: the real engine, one worker after the other, a clock of its own, and no outside.

What is due is claimed, called and recorded by `sagas.engine`; leases, waits and deadlines are found by `sagas.sweep`.
Nobody sleeps: the clock is put forward to the next thing that happens.
"""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import httpx
from django.conf import settings
from django.test import override_settings

from gateway.ids import uuid7
from sagas import boundaries, clock, dispatch, engine, registry, transport
from sagas.conf import conf
from sagas.definition import Definition
from sagas.errors import Abort, Denied, Unknown
from sagas.models import Run, Saga, Sweep, Work, Worker
from sagas.rows import Child, Step
from sagas.sweep import sweep
from sagas.testing.clocks import AFTER, next_by_itself, next_of_all
from sagas.testing.cues import Cue, Kind
from sagas.testing.failure import Crash, Halt, StoryFailed
from sagas.testing.script import Call, Function, Script
from sagas.testing.stage import staged

MOST = 2000
"""So many things happen at most before it is said that a saga does not come to rest."""


class World:
    """Everything that one test plays in. Two stories of one test share it: clock, worker, business keys."""

    def __init__(self) -> None:
        self.ahead = timedelta(0)
        self.worker = uuid7()
        self.at_boundary: boundaries.Watcher | None = None
        self._stack: ExitStack | None = None
        self._tables: list[Definition] = []
        self._scripts: dict[UUID, Script] = {}
        self._speaking: list[Script] = []
        self._dead: set[UUID] = set()
        self._twice: list[tuple[int, int]] = []

    # Coming and going

    def knows(self, table: Definition) -> None:
        """This table is played, instead of any other of its name and version."""
        mine = staged(table, self.play)
        self._tables = [known for known in self._tables if (known.name, known.version) != (mine.name, mine.version)]
        self._tables.insert(0, mine)

    def tells(self, saga_id: UUID, script: Script) -> None:
        """That saga, and every child of it, goes by this script."""
        self._scripts[saga_id] = script

    def lasts(self) -> bool:
        """Does the database still have what was played here? It is another test if it does not."""
        return Saga.objects.filter(pk__in=list(self._scripts)).exists()

    def next(self) -> datetime | None:
        """When the next clock of this world is over, whatever it is."""
        with self.lit():
            return next_of_all(self._mine(), clock.now())

    def _mine(self) -> set[UUID]:
        """The sagas that are played here: others on the same database are nobody's business."""
        if not any(isinstance(place.row, Child) for table in self._tables for place in table.walk()):
            return set(self._scripts)
        new = set(self._scripts)
        found = set(new)
        while new:
            new = set(Saga.objects.filter(parent__saga__in=new).values_list("pk", flat=True))
            found |= new
        return found

    @contextmanager
    def lit(self) -> Iterator[None]:
        """Within this context the product lives in this world."""
        if self._stack is not None:
            yield
            return
        with ExitStack() as stack:
            names = sorted({*conf().services, *(n for s in self._scripts.values() for n in s.outside.names)})
            stack.enter_context(override_settings(SAGAS=self._settings(names)))
            stack.enter_context(registry.replaced([*self._tables, *self._others()]))
            stack.enter_context(transport.replaced(_Line(self, names)))
            stack.enter_context(dispatch.silenced())
            stack.enter_context(clock.ahead(self.ahead))
            if self.at_boundary is not None:
                stack.enter_context(boundaries.watched(self.at_boundary))
            self._stack = stack
            try:
                yield
            finally:
                self._stack = None

    def _settings(self, names: list[str]) -> dict[str, Any]:
        given = getattr(settings, "SAGAS", {})
        others = {name: value for name, value in given.items() if name.lower() != "services"}
        known = conf().services
        return {**others, "SERVICES": {name: {**known.get(name, {}), "url": _address(name, names)} for name in names}}

    def _others(self) -> list[Definition]:
        mine = {(table.name, table.version) for table in self._tables}
        return [table for table in registry.everything() if (table.name, table.version) not in mine]

    # Going on

    def settle(self) -> None:
        """Go on until nothing happens any more by itself: retries and take-overs do, what is waited for does not."""
        with self.lit():
            for _ in range(MOST):
                self._work()
                at = next_by_itself(self._mine(), clock.now(), self._dead)
                if at is None:
                    return
                self._go_to(at)
            raise StoryFailed("It does not come to rest.")

    def later(self, by: timedelta) -> None:
        """Let time pass; whatever has its time meanwhile happens then."""
        with self.lit():
            self.settle()
            until = clock.now() + by
            for _ in range(MOST):
                at = next_of_all(self._mine(), clock.now())
                if at is None or at > until:
                    break
                self._go_to(at)
                self._work()
            self._go_to(until)
            self._work()

    def _go_to(self, at: datetime) -> None:
        self._put_on(max(at - clock.now(), timedelta(0)) + AFTER)
        self._sweep()

    def _put_on(self, by: timedelta) -> None:
        if self._stack is None:
            raise RuntimeError("The clock is put on from within the world only.")
        self.ahead += by
        self._stack.enter_context(clock.ahead(by))

    def _sweep(self) -> None:
        Sweep.objects.all().delete()  # a mark of another sweep does not excuse this one
        self.dying(sweep)

    def _work(self) -> None:
        """Deliver what is due, until nothing is."""
        refused: set[tuple[int, int]] = set()
        for _ in range(MOST):
            due = Run.objects.due(clock.now()).filter(saga__in=self._mine()).order_by("at", "id")
            run = next((run for run in due if (run.pk, run.fence) not in refused), None)
            if run is None:
                return
            if not self._deliver(run.pk, run.fence):
                refused.add((run.pk, run.fence))
            while self._twice:
                self._deliver_again(*self._twice.pop())
        raise StoryFailed("It does not come to rest.")

    def _deliver(self, run: int, fence: int) -> bool:
        return self.dying(lambda: engine.deliver(run, fence, self.worker))

    def _deliver_again(self, run: int, fence: int) -> None:
        if engine.deliver(run, fence, uuid7()):
            raise Halt("A message that came twice was acted on twice.")

    def dying(self, act: Callable[[], object]) -> bool:
        """Do it; a crash in it is the end of this worker, and another one begins. True when something was done."""
        try:
            return bool(act())
        except Crash:
            now = clock.now()
            Worker.objects.create(id=self.worker, name="dead", started_at=now, beat_at=now, gone_at=now)
            self._dead.add(self.worker)
            self.worker = uuid7()
            return True

    # Playing

    def play(self, function: Function, ctx: Any) -> Any:
        """A function of a step is called: it does its work, or what its script says."""
        run = ctx._claim.run
        script = self._script_of(run.saga_id)
        call = script.note(run, function, ctx)
        cue = script.cue_for(call)
        self._speaking.append(script)
        try:
            if cue is not None:
                return self._wrongly(cue, call, script, function, ctx)
            return self._rightly(call, script, function, ctx)
        finally:
            self._speaking.pop()

    def _rightly(self, call: Call, script: Script, function: Function, ctx: Any) -> Any:
        try:
            call.result = script.answer(call, function, ctx)
        except Abort as error:
            call.landed = error.done is not Abort.NOTHING
            raise
        except Denied as error:
            if error.code == "service_unknown":
                raise Halt(f"{call.path}: {error} Script it: service(…).answers(…), or steps={{…}}.") from None
            raise
        call.landed = True
        if self.at_boundary is not None:
            self.at_boundary("called")
        return call.result

    def _wrongly(self, cue: Cue, call: Call, script: Script, function: Function, ctx: Any) -> Any:
        if cue.kind is Kind.FAILS and cue.error is not None:
            raise cue.error
        run = ctx._claim.run
        if cue.kind is Kind.DUPLICATED:
            self._deliver_again(run.pk, run.fence - 1)
            self._twice.append((run.pk, run.fence - 1))
        result = None if cue.when == "before" else self._rightly(call, script, function, ctx)
        match cue.kind:
            case Kind.TIMES_OUT:
                raise Unknown(f"{run.path} did not answer in time; it may have happened.", code="timeout")
            case Kind.CRASHES:
                raise Crash
            case Kind.ANSWERS_LATE:
                self._give_up(ctx)
        return result

    def _give_up(self, ctx: Any) -> None:
        """While the function still works, its lease ends and another worker makes the next attempt."""
        run = ctx._claim.run
        if isinstance(ctx._claim.row, Step) and ctx._claim.row.local:
            raise Halt(f"{run.path} is local: it holds its transaction, so its answer cannot come late.")
        self._go_to(Run.objects.values_list("at", flat=True).get(pk=run.pk) or clock.now())
        taken = Run.objects.get(pk=run.pk)
        if taken.work == Work.DUE and taken.at is not None:
            self._put_on(max(taken.at - clock.now(), timedelta(0)) + AFTER)
            engine.deliver(taken.pk, taken.fence, uuid7(), stopping=lambda: True)

    def _script_of(self, saga_id: UUID) -> Script:
        if saga_id not in self._scripts:
            parent = Saga.objects.values_list("parent__saga_id", flat=True).get(pk=saga_id)
            if parent is None:
                raise Halt(f"Saga {saga_id} was not begun by this test's `given`; begin it there.")
            self._scripts[saga_id] = self._script_of(parent)
        return self._scripts[saga_id]

    def answer(self, name: str, request: httpx.Request) -> httpx.Response:
        """A participant is called."""
        if not self._speaking:
            raise Halt(f"{name} was called with {request.method} {request.url.path} outside of a step.")
        return self._speaking[-1].outside.handle(name, request)


class _Line(httpx.BaseTransport):
    """The connection to every participant."""

    def __init__(self, world: World, names: list[str]) -> None:
        self._world = world
        self._names = {httpx.URL(_address(name, names)).host: name for name in names}

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        return self._world.answer(self._names[request.url.host], request)


def _address(name: str, names: list[str]) -> str:
    return f"http://participant-{names.index(name)}"
