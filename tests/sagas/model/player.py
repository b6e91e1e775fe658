"""Plays one saga: the world acts at random, the engine follows the plan, and the oracle is asked after every act."""

from collections import Counter
from collections.abc import Callable, Iterator
from random import Random

from sagas.definition import Definition
from sagas.outcome import Absent, Lost, NotNow, Outcome, Probed, Refused, ShutOut, Succeeded, Unstorable
from sagas.verdict import Doing
from tests.sagas.model.engine import MAYBE, NO, Engine, Row
from tests.sagas.model.oracle import Fact, Oracle, Story, landed

PATIENCE = 70
"""After so many acts of the world it is kind, so that every run ends."""

TROUBLES: list[Outcome] = [
    Refused(error="no"),
    NotNow(error="later"),
    Lost(error="?"),
    ShutOut(error="who?"),
    Lost(error="†", died=True),
    Unstorable(error="!"),
]
TROUBLES_OF = {
    Doing.ACTION: ([*TROUBLES, Refused(error="half", partly=True)], (3, 4, 5, 1, 3, 1, 1)),
    Doing.COMPENSATION: ([*TROUBLES, Absent(error="none")], (1, 1, 1, 1, 1, 1, 1)),
    Doing.PROBE: (
        [Probed(landed=False), Probed(landed=None), ShutOut(error="who?"), *TROUBLES[4:]],
        (3, 1, 1, 1, 1),
    ),
}


class Player:
    """One run; `play` raises `AssertionError` as soon as the plan and the oracle differ."""

    def __init__(self, definition: Definition, chance: Random) -> None:
        self.chance = chance
        self.trace: list[str] = []
        self.seen: Counter[str] = Counter()
        self.oracle = Oracle(definition)
        self.engine = Engine(definition, self._did)
        self.mood = chance.choices((0.05, 0.25, 0.5), (2, 3, 3))[0]
        self.nervous = chance.random() < 0.25
        self.kind = False

    def play(self) -> None:
        expected = self.oracle.must_follow(Fact("begins"))
        self.engine.begin()
        self._compare(expected, since=0)
        acts = 0
        while self.engine.is_live:
            acts += 1
            assert acts < 20 * PATIENCE, "the run does not end"
            self.kind = acts > PATIENCE
            choices = list(self._choices())
            assert choices, "nothing moves, and no person is asked"
            self.chance.choices([act for _, act in choices], [weight for weight, _ in choices])[0]()
        for zombie in list(self.engine.zombies):
            if self.chance.random() < 0.3:
                self._late(*zombie)

    # What the world may do now.

    def _choices(self) -> Iterator[tuple[float, Callable[[], None]]]:
        engine = self.engine
        for row in engine.rows.values():
            if row.work == "due":
                yield 3, lambda row=row: self._claim(row)
                if row.tries or row.asks:
                    yield 0.1, lambda row=row: self._retry(row)
            elif row.work == "running":
                yield 3, lambda row=row: self._come_to(row, self._outcome(row))
                if not self.kind:
                    yield self.mood, lambda row=row: self._lose(row)
            elif row.undo == "stuck":
                yield 0.5, lambda row=row: self._retry(row)
                yield 0.2, lambda row=row: self._waive(row)
            elif not engine.going_back and row.state in ("failed", "unknown"):
                yield 0.5, lambda row=row: self._retry(row)
        for zombie in engine.zombies:
            yield 0.4, lambda zombie=zombie: self._late(*zombie)
        if not engine.going_back and self.nervous:
            yield 0.2, self._cancel

    def _outcome(self, row: Row) -> Outcome:
        if self.kind or self.chance.random() > self.mood:
            return Probed(landed=True) if row.doing is Doing.PROBE else Succeeded()
        return self.chance.choices(*TROUBLES_OF[row.doing])[0]

    def _claim(self, row: Row) -> None:
        self._told(Fact("claimed", row.step.name, row.doing), lambda: self.engine.claim(row))

    def _lose(self, row: Row) -> None:
        """The lease expires; whoever held it may still speak."""
        self.engine.zombies.append((row, row.doing))
        self.seen["lease expired"] += 1
        self._come_to(row, Lost(error="lease expired", died=True))

    def _come_to(self, row: Row, came: Outcome) -> None:
        self.seen[type(came).__name__] += 1
        self._told(Fact("came to", row.step.name, row.doing, came), lambda: self.engine.record(row, came))

    def _late(self, row: Row, doing: Doing) -> None:
        self.engine.zombies.remove((row, doing))
        words: list[Outcome] = [Succeeded(), Succeeded(), Refused(error="half", partly=True), Refused(error="no")]
        came = self.chance.choice(words)
        if doing is Doing.PROBE:
            came = Probed(landed=landed(came))
        self.seen["late success" if landed(came) and doing is not Doing.COMPENSATION else "late word"] += 1
        self._told(Fact("late", row.step.name, doing, came), lambda: self.engine.hear(row, doing, came))

    def _retry(self, row: Row) -> None:
        self.seen["operator retry"] += 1
        self._told(Fact("retried", row.step.name), lambda: self.engine.try_now(row))

    def _waive(self, row: Row) -> None:
        self._told(Fact("waived", row.step.name), lambda: self.engine.waive(row))

    def _cancel(self) -> None:
        self._told(Fact("cancelled"), self.engine.cancel)

    # What is held against the oracle.

    def _did(self, fact: Fact) -> None:
        self.trace.append(f"    → {_line(fact)}")
        self.oracle.note(fact)

    def _told(self, fact: Fact, react: Callable[[], None]) -> None:
        self.trace.append(_line(fact))
        self.oracle.note(fact)
        expected = self.oracle.must_follow(fact)
        since = len(self.oracle.history)
        react()
        self._compare(expected, since)

    def _compare(self, expected: list[Fact], since: int) -> None:
        did = self.oracle.history[since:]
        done, asked = sorted(map(_line, did)), sorted(map(_line, expected))
        assert done == asked, f"the rules ask for {asked or 'nothing'}; the saga did {done or 'nothing'}"
        assert self.engine.state == self.oracle.state(), (
            f"the saga is {self.engine.state}; the rules say {self.oracle.state()}"
        )
        for name, row in self.engine.rows.items():
            self._compare_step(row, self.oracle.story(name))
        if not self.engine.going_back:
            assert self.engine.position.dump() == self.oracle.position(), (
                f"{self.engine.position}; counted: {self.oracle.position()}"
            )

    def _compare_step(self, row: Row, story: Story) -> None:
        known = MAYBE if row.work == "running" and row.doing is Doing.ACTION and story.known == NO else story.known
        assert row.happened == known, f"{row.step.name}: {row.happened} is known; the history says {known}"
        back = "unneeded" if story.spared and self.engine.going_back and not story.in_flight else story.back
        assert row.undo == back, f"{row.step.name}: its way back is {row.undo}; the history says {back}"
        if self.engine.going_back:
            return
        states = {"passed": ("succeeded", "skipped"), "held": ("failed", "unknown"), "due": ("due", "unknown")}
        fate = story.fate
        assert row.state in states.get(fate, ("running", "unknown")), f"{row.step.name} is {row.state}, not {fate}"
        work = fate if fate in ("due", "running") else None
        assert row.work == work, f"{row.step.name}: works {row.work}; the history says {work}"
        assert not work or row.doing is story.next, f"{row.step.name}: does {row.doing}; must do {story.next}"


def _line(fact: Fact) -> str:
    words = [fact.step, fact.kind, str(fact.doing or ""), _brief(fact.outcome), fact.how]
    return " ".join(word for word in words if word) + (f" ({fact.number})" if fact.kind == "demanded" else "")


def _brief(came: Outcome | None) -> str:
    match came:
        case Lost(died=True):
            return "Died"
        case Refused(partly=True):
            return "RefusedPartly"
        case Probed(landed=landed):
            return f"Probed({landed})"
    return type(came).__name__ if came else ""
