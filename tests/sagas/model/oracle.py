"""A second statement of the rules, naive: what must be so now, from the complete history and nothing else."""

from typing import NamedTuple

from sagas.definition import Definition, Parallel, Row, Step
from sagas.outcome import Absent, Happened, Lost, Outcome, Probed, Refused, ShutOut, Succeeded, Unstorable
from sagas.verdict import Doing

NO, MAYBE, YES = Happened.NO, Happened.MAYBE, Happened.YES
COMPENSATION, PROBE, ACTION = Doing.COMPENSATION, Doing.PROBE, Doing.ACTION


class Fact(NamedTuple):
    """One entry of the history.

    What the world does: claimed, came to, late, retried, waived, cancelled.
    What the saga does about it: opened, turned back, demanded (a compensation, under its n-th key), ended.
    """

    kind: str
    step: str = ""
    doing: Doing | None = None
    outcome: Outcome | None = None
    number: int = 0
    how: str = ""


class Story:
    """One step, as its part of the history tells it."""

    def __init__(self, step: Step, facts: list[Fact]) -> None:
        self.step = step
        self.fate = "not begun"  # due, running, passed, failed, held, over
        self.next = ACTION
        self.known = NO
        self.tries = self.asks = self.deaths = 0
        self.back = "none"  # owed, due, running, stuck, done, waived
        self.key = 0
        self.key_used = self.once_more = self.going_back = False
        for fact in facts:
            getattr(self, "_" + fact.kind.replace(" ", "_"))(fact)

    @property
    def in_flight(self) -> bool:
        return self.fate == "running"

    @property
    def settled(self) -> bool:
        """Has the way back nothing (more) to do here?"""
        return not self.in_flight and (self.back in ("none", "done", "waived") or self.spared)

    @property
    def spared(self) -> bool:
        return self.back == "owed" and self.known == NO

    @property
    def at_work(self) -> bool:
        return self.fate in ("due", "running") or self.back in ("due", "running")

    def _opened(self, fact: Fact) -> None:
        self.fate = "due"

    def _claimed(self, fact: Fact) -> None:
        if fact.doing is COMPENSATION:
            self.back, self.key_used, self.tries = "running", True, self.tries + 1
            return
        self.fate, self.next = "running", fact.doing or ACTION
        self.tries += fact.doing is ACTION
        self.asks += fact.doing is PROBE
        if self.back == "none" and self.step.compensation and not self.step.reads_only:
            self.back = "owed"

    def _came_to(self, fact: Fact) -> None:
        outcome = fact.outcome
        self.deaths = self.deaths + 1 if isinstance(outcome, Lost) and outcome.died else 0
        if fact.doing is COMPENSATION:
            self.back = self._undone(outcome)
            return
        self._learn(outcome, fact.doing)
        self.fate = "over" if self.going_back else self._fate_after(outcome, fact.doing)

    def _late(self, fact: Fact) -> None:
        if fact.doing is not COMPENSATION and landed(fact.outcome) and self.known != YES:
            self._learn(fact.outcome, fact.doing)
            self.once_more = self.key_used

    def _retried(self, fact: Fact) -> None:
        self.tries = self.asks = self.deaths = 0
        asked_now_rather_than_later = self.fate == "due" and self.next is PROBE
        if not self.going_back and not asked_now_rather_than_later:
            self.fate, self.next = "due", ACTION

    def _waived(self, fact: Fact) -> None:
        self.back = "waived"

    def _demanded(self, fact: Fact) -> None:
        self.back, self.key = "due", fact.number
        self.key_used, self.once_more = self.key_used and not self.once_more, False
        self.tries = self.deaths = 0

    def _turned_back(self, fact: Fact) -> None:
        self.going_back = True
        if self.fate in ("due", "held", "failed"):
            self.fate = "over"

    def _cancelled(self, fact: Fact) -> None: ...

    _ended = _cancelled

    def _learn(self, outcome: Outcome | None, doing: Doing | None) -> None:
        if landed(outcome):
            self.known = YES
        elif doing is ACTION and isinstance(outcome, Lost) and self.known == NO:
            self.known = MAYBE
        elif isinstance(outcome, Probed) and outcome.landed is False and self.step.probe_is_final and self.known != YES:
            self.known = NO

    def _fate_after(self, outcome: Outcome | None, doing: Doing | None) -> str:
        step = self.step
        if self.deaths >= 3:
            return "held"
        if isinstance(outcome, Unstorable | Refused):
            return "passed" if step.optional else "failed"
        if landed(outcome):
            return "passed"
        if doing is ACTION and isinstance(outcome, Lost) and step.probe:
            self.next, self.asks = PROBE, 0
            return "due"
        if doing is PROBE and not (isinstance(outcome, Probed) and outcome.landed is False):
            return "held" if self.asks >= (step.retry.attempts or 0) else "due"
        if self.known != NO and not step.idempotent:
            return "held"
        self.next = ACTION
        if self.tries < (step.retry.attempts or 0):
            return "due"
        if step.optional:
            return "held" if step.on_exhausted == "suspend" else "passed"
        if isinstance(outcome, ShutOut) or step.on_exhausted == "suspend":
            return "held"
        return "failed"

    def _undone(self, outcome: Outcome | None) -> str:
        if isinstance(outcome, Succeeded | Unstorable) or (isinstance(outcome, Absent) and self.known != YES):
            return "done"
        if isinstance(outcome, Absent | Refused) or self.deaths >= 3:
            return "stuck"
        return "stuck" if self.tries >= (self.step.compensation_retry.attempts or 0) else "due"


def landed(outcome: Outcome | None) -> bool:
    """Does it say that the effect is there?"""
    if isinstance(outcome, Refused):
        return outcome.partly
    return isinstance(outcome, Succeeded | Unstorable) or (isinstance(outcome, Probed) and outcome.landed is True)


class Oracle:
    """The history of one saga, and what the rules say about it."""

    def __init__(self, definition: Definition) -> None:
        self.definition, self.rows = definition, definition.rows
        self.steps = {step.name: step for row in self.rows for step in _leaves(row)}
        self.history: list[Fact] = []
        self.facts: dict[str, list[Fact]] = {name: [] for name in self.steps}
        self.order: list[str] = []
        self._told: dict[str, tuple[int, Story]] = {}

    def note(self, fact: Fact) -> None:
        self.history.append(fact)
        for name in [fact.step] if fact.step else self.steps:
            self.facts[name].append(fact)
        if fact.kind == "claimed" and fact.step not in self.order:
            self.order.append(fact.step)

    def story(self, name: str) -> Story:
        """What the complete history says of one step (kept until it has another fact)."""
        facts = self.facts[name]
        if self._told.get(name, (-1,))[0] != len(facts):
            self._told[name] = (len(facts), Story(self.steps[name], facts))
        return self._told[name][1]

    def all(self) -> list[Story]:
        return [self.story(name) for name in self.steps]

    def has(self, kind: str) -> bool:
        return any(fact.kind == kind for fact in self.history)

    def must_follow(self, last: Fact) -> list[Fact]:
        """What the saga must do about the last fact."""
        if self.has("ended"):
            return []
        if not self.has("turned back") and not (self.has("cancelled") or any(s.fate == "failed" for s in self.all())):
            if all(self._passed(row) for row in self.rows):
                return [Fact("ended", how="completed")]
            return [Fact("opened", name) for name in sorted(self._may_begin())]
        turning = [] if self.has("turned back") else [Fact("turned back")]
        return turning + self._way_back(last)

    def state(self) -> str:
        """The saga's state, derived from its steps."""
        ended = [fact.how for fact in self.history if fact.kind == "ended"]
        if ended:
            return ended[0]
        moves = "compensating" if self.has("turned back") else "running"
        return moves if any(story.at_work for story in self.all()) else "stuck"

    def position(self) -> dict[str, object]:
        """Row, open members by group, busy and held steps, counted anew."""
        row = next((n for n, row in enumerate(self.rows) if not self._passed(row)), len(self.rows))
        fates = [story.fate for story in self.all()]
        return {
            "row": row,
            "open": dict(self._open(self.rows[row], str(row))) if row < len(self.rows) else {},
            "busy": sum(fate in ("due", "running") for fate in fates),
            "held": fates.count("held"),
        }

    def _passed(self, row: Row) -> bool:
        return all(self.story(step.name).fate == "passed" for step in _leaves(row))

    def _may_begin(self) -> set[str]:
        """All of the first row that has not passed, unless it has begun already."""
        row = next(row for row in self.rows if not self._passed(row))
        return {step.name for step in _leaves(row) if self.story(step.name).fate == "not begun"}

    def _open(self, row: Row, path: str) -> list[tuple[str, int]]:
        if not isinstance(row, Parallel) or self._passed(row):
            return []
        inner = [found for n, member in enumerate(row.rows) for found in self._open(member, f"{path}.{n}")]
        return [(path, sum(not self._passed(member) for member in row.rows)), *inner]

    def _way_back(self, last: Fact) -> list[Fact]:
        """A late success is undone at once; then, the one started last first, one after the other."""
        out_of_turn = []
        if last.step and self._owed_out_of_turn(last):
            story = self.story(last.step)
            out_of_turn = [Fact("demanded", last.step, number=max(story.key, 1) + story.once_more)]
        for name in reversed(self.order):
            story = self.story(name)
            if any(fact.step == name for fact in out_of_turn):
                return out_of_turn
            if story.settled:
                continue
            may_be_undone = story.back == "owed" and not story.in_flight
            return [*out_of_turn, *([Fact("demanded", name, number=1)] if may_be_undone else [])]
        if out_of_turn:
            return out_of_turn
        return [Fact("ended", how="cancelled" if self.has("cancelled") else "compensated")]

    def _owed_out_of_turn(self, last: Fact) -> bool:
        story = self.story(last.step)
        if last.kind == "retried":
            return story.back == "stuck"
        if last.kind == "came to" and last.doing is COMPENSATION:
            return story.once_more and story.back != "stuck"
        if last.kind == "late":
            before = Story(self.steps[last.step], self.facts[last.step][:-1])
            if before.known == YES or story.known != YES or story.in_flight:
                return False
            return before.spared or (story.once_more and story.back in ("done", "due"))
        return False


def _leaves(row: Row) -> list[Step]:
    return [row] if isinstance(row, Step) else [step for member in row.rows for step in _leaves(member)]
