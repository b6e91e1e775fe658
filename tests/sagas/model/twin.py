"""The engine in memory beside the real one: whatever is done to the one is done to the other, and both must agree."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from sagas import operations
from sagas.models import Incident, Run, Saga
from sagas.record import attempts, clock
from sagas.record.attempts import Claim
from sagas.record.clocks import expire, reach_the_deadline
from sagas.record.hearing import VERBS, look_at_child
from sagas.record.locked import turn
from sagas.words.definition import Definition
from sagas.words.outcome import Lost, Outcome
from sagas.words.verdict import Doing
from tests.sagas.model.engine import Engine
from tests.sagas.model.memory import ENDS, Row
from tests.sagas.model.story import Fact
from tests.sagas.world import World

WHO: dict[str, Any] = {"actor": "ann", "reason": "the model says so"}
LATER = timedelta(hours=1)


class Twin(Engine):
    """Does everything twice. `world` is set by the test, and knows the definition."""

    world: World

    def __init__(self, definition: Definition, note: Callable[[Fact], None]) -> None:
        super().__init__(definition, note)
        self.held: dict[str, list[Claim]] = {}

    def run_of(self, row: Row) -> Run:
        return Run.objects.get(saga=self.saga, path=row.path, item=row.item)

    def begin(self) -> None:
        super().begin()
        self.saga = self.world.start(self.definition)
        self.agree()

    def claim(self, row: Row) -> None:
        super().claim(row)
        Run.objects.filter(pk=self.run_of(row).pk).update(at=clock.now())
        self.held.setdefault(row.name, []).append(self.world.attempt(self.saga, row.path, row.item))
        self.agree()

    def record(self, row: Row, came: Outcome) -> None:
        zombies = [doing for zombie, doing in self.zombies if zombie is row]
        super().record(row, came)
        claim = self.held[row.name][-1]
        if isinstance(came, Lost) and came.died:
            run = self.run_of(row)
            attempts.take_back(run.pk, run.fence, "gone", died=True)
        else:
            self.world.answer(claim, came)
        if not (isinstance(came, Lost) and came.died and zombies):
            self.held[row.name].pop()
        self.agree()

    def late(self, row: Row, doing: Doing, came: Outcome) -> None:
        super().late(row, doing, came)
        claims = [claim for claim in self.held[row.name] if claim.run.doing == doing and self._is_dead(claim, row)]
        self.held[row.name].remove(claims[0])
        self.world.answer(claims[0], came)
        self.agree()

    def _is_dead(self, claim: Claim, row: Row) -> bool:
        return claim.run.fence != self.run_of(row).fence

    def turn(self, cause: str) -> None:
        super().turn(cause)
        (operations.cancel if cause == "cancelled" else operations.compensate)(self.saga.pk, **WHO)
        self.agree()

    def deadline(self) -> None:
        super().deadline()
        with turn(self.saga.pk, "a test") as t:
            reach_the_deadline(t)
        self.agree()

    def parent_cancels(self) -> None:
        super().parent_cancels()
        self._hear("cancel")

    def undone_by_parent(self) -> None:
        super().undone_by_parent()
        self._hear("undo")

    def _hear(self, verb: str) -> None:
        with turn(self.saga.pk, "a test") as t:
            VERBS[verb](t, "its parent")
            t.moves.append({"did": "heard"})
            t.derive()
        self.agree()

    def signal(self, name: str) -> None:
        super().signal(name)
        operations.signal(self.saga.pk, name, actor="a bank")
        self.agree()

    def decide(self, row: Row) -> None:
        super().decide(row)
        operations.decide(self.saga.pk, step=row.path, approved=True, **WHO)
        self.agree()

    def expire(self, row: Row) -> None:
        super().expire(row)
        with turn(self.saga.pk, "a test") as t:
            run = t.run(path=row.path, item=row.item)
            assert run is not None
            expire(t, run)
        self.agree()

    def pause(self) -> None:
        super().pause()
        operations.pause(self.saga.pk, children=False, **WHO)
        self.agree()

    def resume(self) -> None:
        super().resume()
        operations.resume(self.saga.pk, children=False, **WHO)
        self.agree()

    def retry(self, row: Row) -> None:
        waits = row.work == "due"
        super().retry(row)
        if waits:
            Run.objects.filter(pk=self.run_of(row).pk).update(at=clock.now() + LATER)
        operations.retry(self.saga.pk, step=row.path, item=row.item, **WHO)
        self.agree()

    def resolve(self, row: Row, landed: bool) -> None:
        super().resolve(row, landed)
        operations.resolve(self.saga.pk, step=row.path, item=row.item, landed=landed, **WHO)
        self.agree()

    def skip(self, row: Row) -> None:
        super().skip(row)
        operations.skip(self.saga.pk, step=row.path, item=row.item, **WHO)
        self.agree()

    def waive(self, row: Row) -> None:
        super().waive(row)
        operations.waive(self.saga.pk, step=row.path, item=row.item, **WHO)
        self.agree()

    def give_up(self) -> None:
        super().give_up()
        operations.give_up(self.saga.pk, **WHO)
        self.agree()

    def reopen(self) -> None:
        super().reopen()
        operations.retry(self.saga.pk, step="none_of_them", **WHO)
        self.agree()

    def child_moves(self, row: Row) -> None:
        """A child is seen from outside here: what it has become is written down for it."""
        child, state = self._child_of(row), row.child.state
        now = clock.now()
        committed = now if row.child.final and state == "completed" else None
        ended = now if state in ENDS else None
        Saga.objects.filter(pk=child.pk).update(state=state, ended_at=ended, committed_at=committed)

    def _child_of(self, row: Row) -> Saga:
        return Saga.objects.filter(parent=self.run_of(row)).order_by("-id")[0]

    def news(self, row: Row) -> None:
        super().news(row)
        with turn(self.saga.pk, "a test") as t:
            run = t.run(path=row.path, item=row.item)
            assert run is not None
            t.moves.append({"did": "heard"})
            look_at_child(t, run)
            t.derive()
        self.agree()

    def agree(self) -> None:
        """Is the record what is in memory?"""
        self.saga.refresh_from_db()
        runs = {self.name_of(r.path, r.item): r for r in Run.objects.filter(saga=self.saga).exclude(kind="message")}
        there = {name: said(row) for name, row in self.rows.items()}
        real = {name: said(runs[name]) for name in there}
        different = {name: (there[name], real[name]) for name in there if there[name] != real[name]}
        assert not different, f"in memory, and really: {different}"
        assert (self.saga.state, self.saga.wanted_back) == (self.state, self.wanted), self.saga.state
        assert (self.saga.committed_at is not None) == self.committed, "only one of the two has passed its pivot"
        self._agree_on_troubles()

    def _agree_on_troubles(self) -> None:
        troubles = Incident.objects.open().filter(saga=self.saga)
        real = {(self.name_of(i.path, i.item) if i.path else "", i.reason == "late_success") for i in troubles}
        there = {(name, reason == "late") for name, _, reason in self.incidents}
        assert real == there, f"incidents in memory {there}, and really {real}"
        assert not Saga.objects.dead(clock.now()).filter(pk=self.saga.pk).exists(), "nothing will ever move it"


def said(row: Row | Run) -> tuple[object, ...]:
    """What both know of a row."""
    forward = (row.state, row.work, str(row.happened), row.held, row.loser, row.generation)
    doing = str(row.doing) if row.work in ("due", "running") else ""
    return (*forward, doing, row.undo, row.undo_round, row.undo_again)
