"""Plays one saga: the world acts at random, the engine follows the plan, and the oracle is asked after every act."""

from collections import Counter
from collections.abc import Callable, Iterator
from functools import partial
from random import Random

from sagas.words.definition import Definition
from sagas.words.outcome import Outcome
from sagas.words.rows import Approval, Child, Step, Wait
from sagas.words.verdict import Doing
from tests.sagas.model.engine import Engine
from tests.sagas.model.invariants import check_at_rest, check_the_end
from tests.sagas.model.memory import MAYBE, Row
from tests.sagas.model.oracle import Oracle
from tests.sagas.model.outcomes import DIED, an_outcome, brief, late_word
from tests.sagas.model.story import Fact, Story, landed

PATIENCE = 60
"""After so many acts of the world it is kind, so that every run ends."""

Act = tuple[float, Callable[[], None]]
FORWARD_LIFE = {
    "running": ("completed", "completed", "completed", "compensated", "stuck"),
    "stuck": ("running", "failed"),
    "failed": ("running",),
}
BACK_LIFE = {
    "compensating": ("compensated", "cancelled", "stuck"),
    "stuck": ("compensating", "failed"),
    "failed": ("compensating",),
}


class Player:
    """One run; `play` raises `AssertionError` as soon as the plan and the oracle differ."""

    def __init__(self, definition: Definition, chance: Random, engine: type[Engine] = Engine) -> None:
        self.chance = chance
        self.definition = definition
        self.trace: list[str] = []
        self.seen: Counter[str] = Counter()
        self.oracle = Oracle(definition)
        self.did: list[Fact] = []
        self.engine = engine(definition, self.did.append)
        self.mood = chance.choices((0.05, 0.25, 0.5), (2, 3, 3))[0]
        self.nervous = chance.random() < 0.25
        self.restless = chance.random() < 0.15
        self.is_child = chance.random() < 0.15
        self.deadline = definition.deadline is not None
        self.kind = False

    def play(self) -> None:
        self._told(Fact("begins"), self.engine.begin)
        acts = 0
        while not self.engine.ended or (self.engine.state == "failed" and acts < PATIENCE):
            acts += 1
            assert acts < 20 * PATIENCE, "the run does not end"
            self.kind = acts > PATIENCE
            choices = list(self._choices())
            assert choices or self.engine.state == "failed", "nothing moves, and no person is asked"
            if not choices:
                break
            self.chance.choices([act for _, act in choices], [weight for weight, _ in choices])[0]()
        for zombie in list(self.engine.zombies):
            if self.chance.random() < 0.3:
                self._late(*zombie)
        if self.engine.state == "completed" and self.is_child and not self.engine.committed:
            self.is_child = self.nervous = False
            self._told(Fact("undone by parent"), self.engine.undone_by_parent)
            self.play_on()

    def play_on(self) -> None:
        acts = 0
        while not self.engine.ended:
            acts += 1
            assert acts < 20 * PATIENCE, "the run does not end"
            self.kind = acts > PATIENCE / 2
            choices = list(self._choices())
            assert choices, "nothing moves, and no person is asked"
            self.chance.choices([act for _, act in choices], [weight for weight, _ in choices])[0]()

    # What the world may do now.

    def _choices(self) -> Iterator[Act]:
        engine = self.engine
        if engine.state == "failed":
            yield from self._of_given_up()
            return
        for row in engine.rows.values():
            yield from self._of_row(row)
            if row.children and row.child.news:
                yield 3, partial(self._news, row)
            if row.children:
                yield from self._of_child(row)
        for zombie in engine.zombies:
            yield 0.4, partial(self._late, *zombie)
        yield from self._of_saga()

    def _of_row(self, row: Row) -> Iterator[Act]:
        if row.work == "due":
            if not self.engine.paused:
                yield 3, partial(self._claim, row)
            if row.tries or row.asks:
                yield 0.1, partial(self._retry, row)
        elif row.work == "running":
            yield 3, partial(self._come_to, row, None)
            if not self.kind:
                yield self.mood, partial(self._lose, row)
        elif row.work == "waiting":
            yield from self._of_waiting(row)
        if row.held or row.undo == "stuck":
            yield from self._of_trouble(row)
        quiet = row.work != "running" and row.undo in ("none", "owed") and row.seq is not None
        if isinstance(row.row, Step) and row.happened == MAYBE and quiet:
            yield 0.15, partial(self._resolve, row)

    def _of_waiting(self, row: Row) -> Iterator[Act]:
        if isinstance(row.row, Child):
            return
        if isinstance(row.row, Approval) and not row.given:
            yield 1.5, partial(self._answer, row)
        if not self.engine.paused:
            yield 0.4, partial(self._clock, row)

    def _of_trouble(self, row: Row) -> Iterator[Act]:
        if row.undo == "stuck":
            yield 0.2, partial(self._waive, row)
        if self.engine.may_retry(row):
            yield 0.5, partial(self._retry, row)
        pivot = isinstance(row.row, Step) and row.row.pivot and row.happened == MAYBE
        if row.held and not pivot:
            yield 0.2, partial(self._skip, row)

    def _of_child(self, row: Row) -> Iterator[Act]:
        child = row.child
        if child.told:
            yield 2, partial(self._child_hears, row)
        for state in (BACK_LIFE if child.back else FORWARD_LIFE).get(child.state, ()):
            if child.state == "failed" and not (row.work == "waiting" or row.held or row.undo in ("running", "stuck")):
                continue  # its parent has gone on without it
            if not (self.kind and state == "stuck"):
                yield 0.3, partial(self._child_becomes, row, state)

    def _of_saga(self) -> Iterator[Act]:
        engine = self.engine
        for name in ("paid", "shipped"):
            waits = any(
                isinstance(r.row, Wait) and r.row.signal == name and r.work == "waiting" for r in engine.rows.values()
            )
            yield 1.0 if waits else 0.02, partial(self._signal, name)
        if engine.paused:
            yield 0.6, partial(self._told, Fact("resumed"), engine.resume)
        elif self.restless and not self.kind:
            yield 0.2, partial(self._told, Fact("paused"), engine.pause)
        forward = not engine.going_back and not engine.committed
        if forward and self.nervous and not engine.pivot_is_open:
            yield 0.1, partial(self._told, Fact("cancelled"), partial(engine.turn, "cancelled"))
            yield 0.05, partial(self._told, Fact("turned"), partial(engine.turn, "turned_back"))
        if forward and self.nervous and self.is_child and not engine.wanted:
            yield 0.1, partial(self._told, Fact("parent cancels"), engine.parent_cancels)
        if self.deadline and not engine.going_back and not engine.paused and not engine.overdue:
            yield 0.08, partial(self._told, Fact("deadline"), engine.deadline)
        if self._can_give_up():
            yield 0.15, partial(self._told, Fact("given up"), engine.give_up)

    def _can_give_up(self) -> bool:
        rows = self.engine.rows.values()
        under_way = any(r.work == "running" or (isinstance(r.row, Child) and r.work == "waiting") for r in rows)
        live = any(r.children and r.child.state in ("running", "stuck", "compensating") for r in rows)
        return bool(self.engine.incidents) and not (under_way or live or self.kind)

    def _of_given_up(self) -> Iterator[Act]:
        engine = self.engine
        yield 1, partial(self._told, Fact("reopened"), engine.reopen)
        for row in engine.rows.values():
            if row.undo == "stuck":
                yield 0.2, partial(self._waive, row)
        for zombie in engine.zombies:
            yield 0.4, partial(self._late, *zombie)

    # What it does.

    def _claim(self, row: Row) -> None:
        self._told(Fact("claimed", row.name, row.doing), partial(self.engine.claim, row))

    def _lose(self, row: Row) -> None:
        """The lease expires; whoever held it may still speak. What was local is gone with its transaction."""
        if not (isinstance(row.row, Step) and row.row.local and row.doing is Doing.ACTION):
            self.engine.zombies.append((row, row.doing))
        self.seen["lease expired"] += 1
        self._come_to(row, DIED)

    def _come_to(self, row: Row, came: Outcome | None) -> None:
        came = came or an_outcome(self.chance, row, 0 if self.kind else self.mood)
        self.seen[type(came).__name__] += 1
        self._told(Fact("came to", row.name, row.doing, came), partial(self.engine.record, row, came))

    def _late(self, row: Row, doing: Doing) -> None:
        self.engine.zombies.remove((row, doing))
        came = late_word(self.chance, doing)
        if doing is not Doing.COMPENSATION and landed(came):
            self.seen["late success"] += 1
        self._told(Fact("late", row.name, doing, came), partial(self.engine.late, row, doing, came))

    def _retry(self, row: Row) -> None:
        self.seen["retry"] += 1
        self._told(Fact("retried", row.name), partial(self.engine.retry, row))

    def _waive(self, row: Row) -> None:
        self.seen["waive"] += 1
        self._told(Fact("waived", row.name), partial(self.engine.waive, row))

    def _skip(self, row: Row) -> None:
        self.seen["skip"] += 1
        self._told(Fact("skipped", row.name), partial(self.engine.skip, row))

    def _resolve(self, row: Row) -> None:
        self.seen["resolve"] += 1
        landed = self.chance.random() < 0.5
        if not landed:  # a person says so, and has made sure of it
            self.engine.zombies = [(held, doing) for held, doing in self.engine.zombies if held is not row]
        fact = Fact("resolved", row.name, how="landed" if landed else "not landed")
        self._told(fact, partial(self.engine.resolve, row, landed))

    def _signal(self, name: str) -> None:
        self.seen["signal"] += 1
        self._told(Fact("signal", how=name), partial(self.engine.signal, name))

    def _answer(self, row: Row) -> None:
        self._told(Fact("answered", row.name), partial(self.engine.decide, row))

    def _clock(self, row: Row) -> None:
        self.seen["clock"] += 1
        self._told(Fact("clock", row.name), partial(self.engine.expire, row))

    def _child_hears(self, row: Row) -> None:
        verb, child = row.child.told.pop(0), row.child
        obeys = ("completed",) if verb == "undo" else ("running", "stuck")
        if child.state in obeys and not child.final:
            self._child_becomes(row, "compensating")

    def _child_becomes(self, row: Row, state: str) -> None:
        before, row.child.state = row.child.state, state
        row.child.back = row.child.back or state == "compensating"
        telling = {"completed", "compensated", "cancelled", "failed", "stuck"}
        row.child.news = row.child.news or bool(telling & {before, state})
        self.seen[f"child {row.child.state}"] += 1
        self._told(Fact("child is", row.name, how=row.child.state), partial(self.engine.child_moves, row))

    def _news(self, row: Row) -> None:
        self._told(Fact("news", row.name), partial(self.engine.news, row))

    # What is held against the oracle.

    def _told(self, fact: Fact, react: Callable[[], None]) -> None:
        self.trace.append(line(fact))
        expected = self.oracle.hear(fact)
        self.did.clear()
        react()
        self.seen["something wanted at the pivot"] += bool(self.oracle.wanted)
        self.seen["a pivot in doubt"] += self.oracle.pivot_is_in_doubt
        self.trace.extend(f"    → {line(one)}" for one in self.did)
        self._compare(expected)

    def _compare(self, expected: list[Fact]) -> None:
        done, asked = sorted(map(line, self.did)), sorted(map(line, expected))
        assert done == asked, f"the rules ask for {asked or 'nothing'}; the saga did {done or 'nothing'}"
        assert self.engine.state == self.oracle.state(), (
            f"the saga is {self.engine.state}; the rules say {self.oracle.state()}"
        )
        for name, row in self.engine.rows.items():
            compare(row, self.oracle.stories[name], self.oracle)
        if not self.engine.ended:
            self._compare_troubles()
        check_at_rest(self.engine)
        if self.engine.state in ("completed", "compensated", "cancelled") and self.oracle.history[-1].kind == "ended":
            check_the_end(self.engine, self.oracle.history)

    def _compare_troubles(self) -> None:
        open_ones = {name for name, _, reason in self.engine.incidents if reason != "late"}
        assert open_ones == self.oracle.troubles(), f"incidents of {open_ones}; the rules say {self.oracle.troubles()}"


PASSED = ("succeeded", "skipped", "timed_out")
STATES = {
    "passed": PASSED,
    "failed": ("failed", "timed_out", "unknown", "succeeded"),
    "due": ("due", "unknown", "waiting"),
    "running": ("running", "unknown", "due", "waiting"),
    "waiting": ("waiting",),
}


def compare(row: Row, story: Story, oracle: Oracle) -> None:
    """Does the record say of a row what its history says?"""
    assert row.happened == story.seen, f"{row.name}: {row.happened} is known; the history says {story.seen}"
    back = "unneeded" if story.spared else story.back
    assert row.undo == back, f"{row.name}: its way back is {row.undo}; the history says {back}"
    fate = story.fate
    assert row.held == (fate == "held"), f"{row.name}: held is {row.held}; the history says {fate}"
    assert row.state in STATES.get(fate, (row.state,)), f"{row.name} is {row.state}; the history says {fate}"
    if isinstance(row.row, Step):
        assert row.generation == story.generation, f"{row.name}: key {row.generation}, not {story.generation}"
    work = fate if fate in ("due", "running", "waiting") else None
    doing = story.next
    if back in ("due", "running"):
        work, doing = ("waiting" if isinstance(row.row, Child) else back), Doing.COMPENSATION
    work = None if story.asleep else work
    assert row.work == work, f"{row.name}: works {row.work}; the history says {work}"
    if work in ("due", "running"):
        assert row.doing is doing, f"{row.name}: does {row.doing}; must do {doing}"


def line(fact: Fact) -> str:
    doing = fact.doing or ""
    words = [fact.row, fact.kind, str(doing), brief(fact.outcome), fact.how]
    return " ".join(word for word in words if word) + (f" ({fact.number})" if fact.kind == "demanded" else "")
