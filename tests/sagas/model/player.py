"""Plays one saga through the plan, over rows in memory, doing with every move what the engine does with it."""

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from random import Random

from sagas import outcome, plan, verdict
from sagas.definition import Definition, Step
from sagas.lifecycle import fire, saga_machine, step_machine, undo_machine
from sagas.outcome import Absent, Happened, Lost, NotNow, Outcome, Probed, Refused, ShutOut, Succeeded, Unstorable
from sagas.plan import Compensate, Do, Event, Finish, Rest, Top, TurnBack, Undo
from sagas.verdict import Again, Ask, Doing, Drained, Fail, Skip, Standing, Succeed, Suspend, Undone
from tests.sagas.model.oracle import Fact, Oracle, Story, landed

NO, MAYBE, YES = Happened.NO, Happened.MAYBE, Happened.YES
PATIENCE = 70
"""After so many acts of the world it is kind, so that every run ends."""


@dataclass(eq=False)
class Row:
    """One step at work, as the record keeps it."""

    step: Step
    state: str = "due"
    undo: str = "none"
    happened: Happened = NO
    prior: Happened = NO
    seq: int | None = None
    work: str | None = "due"
    doing: Doing = Doing.ACTION
    tries: int = 0
    asks: int = 0
    crashes: int = 0
    generation: int = 1
    undo_round: int = 0
    undo_again: bool = False
    key_used: bool = False


@dataclass
class Player:
    """One run; `play` raises `AssertionError` as soon as the plan and the oracle differ."""

    definition: Definition
    chance: Random
    trace: list[str] = field(default_factory=list)
    seen: Counter[str] = field(default_factory=Counter)

    def play(self) -> None:
        self.oracle = Oracle(self.definition)
        self.rows: dict[str, Row] = {}
        self.zombies: list[tuple[Row, Doing]] = []
        self.state, self.going_back, self.cancelled, self.next_seq = "pending", False, False, 1
        self.mood = self.chance.choices((0.05, 0.25, 0.5), (2, 3, 3))[0]
        self.nervous = self.chance.random() < 0.25
        self._note_begin()
        acts = 0
        while self.state in ("running", "compensating", "stuck"):
            acts += 1
            assert acts < 20 * PATIENCE, "the run does not end"
            self.kind = acts > PATIENCE
            choices = list(self._choices())
            assert choices, "nothing moves, and no person is asked"
            self.chance.choices([act for _, act in choices], [weight for weight, _ in choices])[0]()
        for row, doing in self.zombies:
            if self.chance.random() < 0.3:
                self._late(row, doing)

    # What the world may do now.

    def _choices(self) -> Iterator[tuple[float, Callable[[], None]]]:
        for row in self.rows.values():
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
            elif not self.going_back and row.state in ("failed", "unknown"):
                yield 0.5, lambda row=row: self._retry(row)
        for zombie in self.zombies:
            yield 0.4, lambda zombie=zombie: self._late(*zombie)
        if not self.going_back and self.nervous:
            yield 0.2, self._cancel

    def _outcome(self, row: Row) -> Outcome:
        if self.kind or self.chance.random() > self.mood:
            return Probed(landed=True) if row.doing is Doing.PROBE else Succeeded()
        if row.doing is Doing.PROBE:
            return self.chance.choice(
                (
                    Probed(landed=False),
                    Probed(landed=False),
                    Probed(landed=None),
                    Lost(error="?"),
                    Unstorable(error="!"),
                )
            )
        if row.doing is Doing.COMPENSATION:
            return self.chance.choice(
                (Refused(error="no"), NotNow(error="later"), Lost(error="?"), ShutOut(error="who?"))
                + (Absent(error="none"), Unstorable(error="!"), Lost(error="†", died=True))
            )
        return self.chance.choices(
            (Refused(error="no"), NotNow(error="later"), Lost(error="?"), ShutOut(error="who?"))
            + (Refused(error="half", partly=True), Unstorable(error="!"), Lost(error="†", died=True)),
            (3, 4, 5, 1, 1, 1, 3),
        )[0]

    # What the engine does about it.

    def _note_begin(self) -> None:
        expected = self.oracle.must_follow(Fact("begins"))
        self.position, move = plan.begin(self.definition)
        self._become("running")
        self._follow(move)
        self._compare(expected, since=0)

    def _claim(self, row: Row) -> None:
        row.work, row.crashes = "running", row.crashes + 1
        if row.seq is None:
            row.seq, self.next_seq = self.next_seq, self.next_seq + 1
        if row.doing is Doing.PROBE:
            row.asks += 1
        elif row.doing is Doing.COMPENSATION:
            row.tries, row.key_used = row.tries + 1, True
            fire(undo_machine, row, "running")
            assert row.happened != NO, f"{row.step.name} is undone, though it is known not to have happened"
        else:
            self._check_repeat(row)
            row.tries, row.prior = row.tries + 1, row.happened
            row.happened = MAYBE if row.happened == NO else row.happened
            fire(step_machine, row, "running")
            if row.step.owes and row.undo == "none":
                fire(undo_machine, row, "owed")
        self._told(Fact("claimed", row.step.name, row.doing), lambda: None)

    def _check_repeat(self, row: Row) -> None:
        blind = row.tries and row.happened != NO and not row.step.idempotent
        assert not blind, f"{row.step.name} is not idempotent, in doubt, and repeated"

    def _lose(self, row: Row) -> None:
        """The lease expires; whoever held it may still speak."""
        self.zombies.append((row, row.doing))
        self.seen["lease expired"] += 1
        self._come_to(row, Lost(error="lease expired", died=True))

    def _come_to(self, row: Row, came: Outcome) -> None:
        self.seen[type(came).__name__] += 1
        self._told(
            Fact("came to", row.step.name, row.doing, came, number=row.undo_round), lambda: self._record(row, came)
        )

    def _record(self, row: Row, came: Outcome) -> None:
        if not (isinstance(came, Lost) and came.died):
            row.crashes = 0
        before = row.prior if row.doing is Doing.ACTION else row.happened
        if row.doing is not Doing.COMPENSATION:
            final = row.doing is Doing.PROBE and row.step.probe_is_final
            row.happened = outcome.learn(before, came, final=final)
            if final and row.happened == NO:  # where that is so, a request still on its way is refused
                self.zombies = [(held, doing) for held, doing in self.zombies if held is not row]
        self._check_knowledge(row, before, came)
        asking = row.doing is Doing.PROBE and not (isinstance(came, Probed) and came.landed is not None)
        standing = Standing(
            doing=row.doing,
            tries=row.asks if asking else row.tries,
            elapsed=timedelta(0),
            happened=row.happened,
            crashes=row.crashes,
            going_back=self.going_back,
        )
        judged = verdict.judge(row.step, standing, came, chance=0.5)
        row.work = None
        if row.doing is Doing.COMPENSATION:
            self._undo(row, judged)
        else:
            self._advance(row, came, judged)

    def _check_knowledge(self, row: Row, before: Happened, came: Outcome) -> None:
        ranks = [NO, MAYBE, YES]
        back = ranks.index(row.happened) < ranks.index(before)
        final = row.step.probe_is_final and isinstance(came, Probed) and came.landed is False
        assert not back or (before == MAYBE and final), f"{row.step.name}: {before} became {row.happened} by {came}"

    def _advance(self, row: Row, came: Outcome, judged: verdict.Verdict) -> None:
        event = self._settle(row, came, judged)
        if self.going_back:
            self._spare(row)
            self._descend()
            return
        self.position, move = plan.forward(self.definition, self.position, row.step.name, event)
        self.position = plan.Position.load(self.position.dump())
        self._follow(move)

    def _settle(self, row: Row, came: Outcome, judged: verdict.Verdict) -> Event:
        failed_as = "succeeded" if landed(came) and not isinstance(came, Refused) else "failed"
        if failed_as == "failed" and not isinstance(came, Refused) and row.happened != NO:
            failed_as = "unknown"
        match judged:
            case Succeed():
                fire(step_machine, row, "succeeded")
                return Event.PASSED
            case Skip():
                fire(step_machine, row, failed_as)
                if row.state != "succeeded":
                    fire(step_machine, row, "skipped")
                return Event.PASSED
            case Fail() | Drained():
                fire(step_machine, row, failed_as)
                return Event.FAILED
            case Again():
                row.work, row.doing = "due", Doing.ACTION
                fire(step_machine, row, "due")
                return Event.AGAIN
            case Ask():
                row.asks = row.asks if row.doing is Doing.PROBE else 0
                row.work, row.doing = "due", Doing.PROBE
                fire(step_machine, row, "unknown")
                return Event.AGAIN
            case Suspend():
                fire(step_machine, row, "failed" if row.happened == NO else "unknown")
                return Event.HELD
        raise AssertionError(f"{judged} is no verdict on an action")

    def _follow(self, move: plan.Move) -> None:
        match move:
            case Do(steps=steps):
                for name in steps:
                    assert name not in self.rows, f"{name} begins twice"
                    self.rows[name] = Row(step=self.definition.places[name].step)
                    self._did(Fact("opened", name))
            case TurnBack():
                self._turn_back()
            case Finish():
                self._end("completed")
        if self.state in ("running", "stuck") and not self.going_back:
            assert isinstance(move, Rest) == (not self.position.busy), f"{move} with {self.position}"
            self._become("running" if self.position.busy else "stuck")

    def _turn_back(self) -> None:
        self.going_back = True
        self._did(Fact("turned back"))
        self._become("compensating")
        for row in self.rows.values():
            if row.work == "due":
                row.work = None
                fire(step_machine, row, "cancelled" if row.happened == NO else "unknown")
            if row.work is None:
                self._spare(row)
        self._descend()

    def _spare(self, row: Row) -> None:
        if row.undo == "owed" and row.happened == NO:
            fire(undo_machine, row, "unneeded")

    def _descend(self) -> None:
        open_ones = [row for row in self.rows.values() if row.seq is not None and self._unsettled(row)]
        run = max(open_ones, key=lambda row: row.seq or 0, default=None)
        top = None
        if run is not None:
            top = Top(running=run.work == "running" and run.doing is not Doing.COMPENSATION, undo=Undo(run.undo))
        move = plan.backward(top)
        if isinstance(move, Compensate) and run is not None:
            self._demand(run)
        elif isinstance(move, Finish):
            self._end("cancelled" if self.cancelled else "compensated")
        elif isinstance(move, Rest) and not any(row.work for row in self.rows.values()):
            self._become("stuck")
        else:
            self._become("compensating")

    def _unsettled(self, row: Row) -> bool:
        return row.work == "running" or row.undo in ("owed", "due", "running", "stuck")

    def _demand(self, row: Row, *, once_more: bool = False) -> None:
        if once_more or not row.undo_round:
            row.undo_round, row.key_used = row.undo_round + 1, False
        row.undo_again = False
        row.tries = row.crashes = 0
        row.work, row.doing = "due", Doing.COMPENSATION
        fire(undo_machine, row, "due")
        self._did(Fact("demanded", row.step.name, number=row.undo_round))
        self._become("compensating")

    def _undo(self, row: Row, judged: verdict.Verdict) -> None:
        match judged:
            case Again():
                row.work = "due"
                fire(undo_machine, row, "due")
            case Undone():
                fire(undo_machine, row, "done")
            case Suspend():
                fire(undo_machine, row, "stuck")
            case _:
                raise AssertionError(f"{judged} is no verdict on a compensation")
        if row.undo_again and row.undo != "stuck":
            self._demand(row, once_more=True)
        self._descend()

    def _late(self, row: Row, doing: Doing) -> None:
        self.zombies.remove((row, doing))
        came = self.chance.choice((Succeeded(), Succeeded(), Refused(error="half", partly=True), Refused(error="no")))
        if doing is Doing.PROBE:
            came = Probed(landed=isinstance(came, Succeeded))
        self.seen["late success" if landed(came) and doing is not Doing.COMPENSATION else "late word"] += 1
        self._told(Fact("late", row.step.name, doing, came), lambda: self._hear(row, doing, came))

    def _hear(self, row: Row, doing: Doing, came: Outcome) -> None:
        if doing is Doing.COMPENSATION or not landed(came) or row.happened == YES:
            return
        row.happened = row.prior = YES
        if not self.going_back or self.state in ("compensated", "cancelled"):
            return
        if row.undo == "unneeded":
            self._demand(row)
        elif row.undo == "done" or (row.undo == "due" and row.key_used):
            self._demand(row, once_more=True)
        elif row.undo in ("running", "stuck"):
            row.undo_again = row.key_used
        self._descend()

    # What people do.

    def _retry(self, row: Row) -> None:
        self.seen["operator retry"] += 1
        self._told(Fact("retried", row.step.name), lambda: self._try_now(row))

    def _try_now(self, row: Row) -> None:
        if row.undo == "stuck":
            self._demand(row, once_more=row.undo_again)
            self._descend()
            return
        if row.work is None or row.doing is not Doing.PROBE:
            row.tries = row.asks = row.crashes = 0
        if row.work is None:
            row.work, row.doing = "due", Doing.ACTION
            fire(step_machine, row, "due")
            self.position, _ = plan.forward(self.definition, self.position, row.step.name, Event.FREED)
            self._become("running")
        if row.happened == NO:
            row.generation += 1

    def _waive(self, row: Row) -> None:
        fire(undo_machine, row, "waived")
        self._told(Fact("waived", row.step.name), self._descend)

    def _cancel(self) -> None:
        self.cancelled = True
        self._told(Fact("cancelled"), self._turn_back)

    # What is held against the oracle.

    def _become(self, state: str) -> None:
        fire(saga_machine, self, state)

    def _end(self, state: str) -> None:
        self._become(state)
        self._did(Fact("ended", how=state))

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
        assert sorted(map(_line, did)) == sorted(map(_line, expected)), f"the rules ask for {expected}"
        assert self.state == self.oracle.state(), f"the saga is {self.state}; the rules say {self.oracle.state()}"
        for name, row in self.rows.items():
            self._compare_step(row, self.oracle.story(name))
        if not self.going_back:
            assert self.position.dump() == self.oracle.position(), f"{self.position}; counted: {self.oracle.position()}"

    def _compare_step(self, row: Row, story: Story) -> None:
        known = MAYBE if row.work == "running" and row.doing is Doing.ACTION and story.known == NO else story.known
        assert row.happened == known, f"{row.step.name}: {row.happened} is known; the history says {known}"
        back = "unneeded" if story.spared and self.going_back and not story.in_flight else story.back
        assert row.undo == back, f"{row.step.name}: its way back is {row.undo}; the history says {back}"
        if self.going_back:
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
