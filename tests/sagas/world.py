"""A world to run sagas in: participants that follow a script, a clock that can be put forward, and no sleeping."""

from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import timedelta
from typing import Any

from gateway.ids import uuid7
from sagas import operations
from sagas.engine import delivery
from sagas.engine.sweep import sweep
from sagas.models import Incident, Journal, Run, Saga, Work
from sagas.record import attempts, clock, holds
from sagas.record.attempts import Claim, Recorded
from sagas.words import registry
from sagas.words.definition import Definition
from sagas.words.faults import faults_of
from sagas.words.outcome import Outcome, Succeeded


class World:
    """What was called, in order, and what each function does next: a value to return or an exception to raise."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, str]] = []
        self.scripts: dict[str, list[Any]] = defaultdict(list)
        self.contexts: list[Any] = []
        self.worker = uuid7()
        self._stack = ExitStack()

    def function(self, name: str) -> Callable[[Any], Any]:
        """A team's function of that name; without a script it returns {"from": name}."""

        def call(ctx: Any) -> Any:
            self.calls.append((name, ctx.key))
            self.contexts.append(ctx)
            script = self.scripts[name]
            does = script.pop(0) if script else {"from": name}
            if isinstance(does, BaseException):
                raise does
            return does(ctx) if callable(does) else does

        call.__name__ = name
        return call

    def __getattr__(self, name: str) -> Callable[[Any], Any]:
        return self.function(name)

    def script(self, name: str, *does: Any) -> None:
        """What the function does, call by call."""
        self.scripts[name].extend(does)

    def knows(self, *definitions: Definition) -> None:
        """These are the only definitions there are."""
        for definition in definitions:
            assert not (faults := faults_of(definition)), faults
        self._stack.enter_context(registry.replaced(definitions))

    def start(self, definition: Definition, input: Any = None, **options: Any) -> Saga:
        if definition not in registry.everything():
            self.knows(definition)
        return operations.start(definition.name, input, actor="a test", **options).saga

    def work(self, saga: Saga | None = None, *, most: int = 500) -> None:
        """Deliver what is due now, until nothing is."""
        for _ in range(most):
            due = Run.objects.due(clock.now()).filter(**({"saga": saga} if saga else {})).order_by("at", "id").first()
            if due is None or not delivery.deliver(due.pk, due.fence, self.worker):
                return
        raise AssertionError("It does not come to rest.")

    def later(self, by: timedelta) -> None:
        """Put the clock forward."""
        self._stack.enter_context(clock.ahead(by))

    def sweep_later(self, by: timedelta) -> None:
        """Put the clock forward, and sweep."""
        self.later(by)
        assert sweep(), "Somebody swept a moment ago, so that this sweep finds nothing."

    def claim(self, run: Run) -> Claim:
        """Claim a due run for this world's worker, without running it."""
        claimed = attempts.claim(run.pk, run.fence, self.worker)
        assert isinstance(claimed, Claim)
        return claimed

    def record(self, held: Claim, result: Any = None) -> None:
        """The claimed attempt succeeded."""
        attempts.record(held, Succeeded(result=result), self.worker, go_on=False)

    def attempt(self, saga: Saga, path: str, item: int = 0) -> Claim:
        """An attempt of a due row is under way: claimed, and not called."""
        return self.claim(Run.objects.get(saga=saga, path=path, item=item))

    def answer(self, held: Claim, outcome: Outcome) -> Recorded:
        """What an attempt under way came to; late, if its token is dead by now."""
        return attempts.record(held, outcome, self.worker, go_on=False)

    def lose(self, held: Claim) -> None:
        """The worker that held it is taken for dead; it may still speak."""
        run = Run.objects.get(pk=held.run.pk)
        attempts.take_back(run.pk, run.fence, "The worker that ran it is gone.", died=True)

    def deliver_one(self, run: Run) -> None:
        """One attempt of a due run, and nothing after it: what follows is left due."""
        delivery.deliver(run.pk, run.fence, self.worker, stopping=lambda: True)

    def deliver(self, run: Run) -> None:
        """One attempt of a due run, and what follows at once."""
        delivery.deliver(run.pk, run.fence, self.worker)

    def run_through(self, saga: Saga, *, most: int = 60) -> Saga:
        """Work, and put the clock forward over every pause, until nothing has a clock any more."""
        for _ in range(most):
            self.work(saga)
            waiting = Run.objects.filter(saga=saga, work=Work.DUE).order_by("at").first()
            if waiting is None:
                break
            self.later(max(waiting.at - clock.now(), timedelta(0)) + timedelta(milliseconds=1))
        saga.refresh_from_db()
        return saga

    def close(self) -> None:
        self._stack.close()
        holds.forget()

    def keys(self, name: str) -> list[str]:
        """The keys under which that function was called, without the saga's id."""
        return [key.partition(":")[2] for called, key in self.calls if called == name]

    @property
    def called(self) -> list[str]:
        return [name for name, _ in self.calls]


@contextmanager
def a_world() -> Iterator[World]:
    world = World()
    try:
        yield world
    finally:
        world.close()


def run_of(saga: Saga, path: str) -> Run:
    return Run.objects.get(saga=saga, path=path)


def open_incidents(saga: Saga) -> list[tuple[str, str]]:
    return [(incident.path, incident.reason) for incident in Incident.objects.open().filter(saga=saga).order_by("id")]


def moves_of(saga: Saga) -> list[dict[str, Any]]:
    return [move for row in Journal.objects.filter(saga=saga).order_by("rev") for move in row.moves]


def due_back(saga: Saga) -> list[Run]:
    """The compensations that are due."""
    return list(Run.objects.filter(saga=saga, work=Work.DUE, doing="compensation").order_by("path", "item"))
