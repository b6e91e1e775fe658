"""The world of a test: the real engine, one worker after the other, a clock of its own, and no outside.

What is due is claimed, called and recorded by `sagas.engine.delivery`; leases, waits and deadlines are found by
`sagas.engine.sweep`. Nobody sleeps: the clock is put forward to the next thing that happens.
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
from sagas.conf import conf
from sagas.engine import delivery, transport
from sagas.engine.sweep import sweep
from sagas.models import Saga, Sweep, Worker
from sagas.record import clock
from sagas.testing.clocks import AFTER, next_by_itself, next_of_all
from sagas.testing.failure import Crash, Halt, Hang, StoryFailed
from sagas.testing.playing import Cast
from sagas.testing.post import AtOnce, Post
from sagas.testing.stage import staged
from sagas.words import boundaries, registry
from sagas.words.definition import Definition
from sagas.words.rows import Child

MOST = 2000
"""So many things happen at most before it is said that a saga does not come to rest."""


class World:
    """Everything that one test plays in. Two stories of one test share it: clock, worker, business keys."""

    def __init__(self) -> None:
        self.ahead = timedelta(0)
        self.worker = uuid7()
        self.at_boundary: boundaries.Watcher | None = None
        self.post: Post = AtOnce()
        self.sweeping = False
        self._stack: ExitStack | None = None
        self.cast = Cast(self)
        self._tables: list[Definition] = []
        self.written: dict[tuple[str, int], Definition] = {}
        self._dead: set[UUID] = set()
        self._twice: list[tuple[int, int]] = []

    # Coming and going

    def knows(self, table: Definition) -> None:
        """This table is played, instead of any other of its name and version."""
        self.written[table.name, table.version] = table
        mine = staged(table, self.cast.play)
        self._tables = [known for known in self._tables if (known.name, known.version) != (mine.name, mine.version)]
        self._tables.insert(0, mine)

    def lasts(self) -> bool:
        """Does the database still have what was played here? It is another test if it does not."""
        return Saga.objects.filter(pk__in=list(self.cast.scripts)).exists()

    def next(self) -> datetime | None:
        """When the next clock of this world is over, whatever it is."""
        with self.lit():
            return next_of_all(self._mine(), clock.now())

    def _mine(self) -> set[UUID]:
        """The sagas that are played here: others on the same database are nobody's business."""
        if not any(isinstance(place.row, Child) for table in self._tables for place in table.walk()):
            return set(self.cast.scripts)
        new = set(self.cast.scripts)
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
            names = sorted({*conf().services, *self.cast.participants})
            stack.enter_context(override_settings(SAGAS=self._settings(names)))
            stack.enter_context(registry.replaced([*self._tables, *self._others()]))
            stack.enter_context(transport.replaced(_Line(self.cast, names)))
            stack.enter_context(self.post.caught())
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
                looked = self._work()
                at = next_by_itself(self._mine(), looked, self._dead, self.post.hears_of)
                if at is None:
                    return
                self.go_to(at)
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
                self.go_to(at)
                self._work()
            self.go_to(until)
            self._work()

    def go_to(self, at: datetime, *, sweeping: bool = True) -> None:
        """It is that time now, and what only the sweep finds is found."""
        if self._stack is None:
            raise RuntimeError("The clock is put on from within the world only.")
        by = max(at - clock.now(), timedelta(0)) + AFTER
        self.ahead += by
        self._stack.enter_context(clock.ahead(by))
        if sweeping:
            Sweep.objects.all().delete()  # a mark of another sweep does not excuse this one
            self.sweeping = True
            try:
                self.dying(sweep)
            finally:
                self.sweeping = False

    def _work(self) -> datetime:
        """Deliver what is due, until nothing is; when that was looked for last."""
        refused: set[tuple[int, int]] = set()
        for _ in range(MOST):
            now = clock.now()
            found = self.post.next(self._mine(), now, refused)
            if found is None:
                return now
            if not self._deliver(*found):
                refused.add(found)
            while self._twice:
                self.deliver_again(*self._twice.pop())
        raise StoryFailed("It does not come to rest.")

    def _deliver(self, run: int, fence: int) -> bool:
        return self.dying(lambda: delivery.deliver(run, fence, self.worker))

    def comes_twice(self, run: int, fence: int) -> None:
        """That message comes once more now, and again after the attempt."""
        self.deliver_again(run, fence)
        self._twice.append((run, fence))

    def deliver_again(self, run: int, fence: int) -> None:
        """A message comes to another worker that was acted on already."""
        if delivery.deliver(run, fence, uuid7()):
            raise Halt("A message that came twice was acted on twice.")

    def another_tries(self, run: int, fence: int) -> None:
        """Another worker makes one attempt; it may die in it, and this one goes on."""
        mine, self.worker = self.worker, uuid7()
        try:
            self.dying(lambda: delivery.deliver(run, fence, self.worker, stopping=lambda: True))
        finally:
            self.worker = mine

    def dying(self, act: Callable[[], object]) -> bool:
        """Do it; a crash in it is the end of this worker, and another one begins. True when something was done."""
        try:
            return bool(act())
        except Hang:
            return True
        except Crash:
            now = clock.now()
            Worker.objects.create(id=self.worker, name="dead", started_at=now, beat_at=now, gone_at=now)
            self._dead.add(self.worker)
            self.worker = uuid7()
            return True


class _Line(httpx.BaseTransport):
    """The connection to every participant."""

    def __init__(self, cast: Cast, names: list[str]) -> None:
        self._cast = cast
        self._names = {httpx.URL(_address(name, names)).host: name for name in names}

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        return self._cast.answer(self._names[request.url.host], request)


def _address(name: str, names: list[str]) -> str:
    return f"http://participant-{names.index(name)}"
