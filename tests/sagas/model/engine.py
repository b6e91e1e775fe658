"""Does with every move of the plan what the engine does with it, over rows in memory."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from sagas import outcome, plan, verdict
from sagas.definition import Definition, Step
from sagas.lifecycle import fire, saga_machine, step_machine, undo_machine
from sagas.outcome import Happened, Lost, Outcome, Probed, Refused
from sagas.plan import Compensate, Do, Event, Finish, Rest, Top, TurnBack, Undo
from sagas.verdict import Again, Ask, Doing, Drained, Fail, Skip, Standing, Succeed, Suspend, Undone
from tests.sagas.model.oracle import Fact, landed

NO, MAYBE, YES = Happened.NO, Happened.MAYBE, Happened.YES


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
    undo_round: int = 0
    undo_again: bool = False
    key_used: bool = False


class Engine:
    """One saga. What it does by itself is told to `note`: opened, turned back, demanded, ended."""

    def __init__(self, definition: Definition, note: Callable[[Fact], None]) -> None:
        self.definition = definition
        self.note = note
        self.rows: dict[str, Row] = {}
        self.zombies: list[tuple[Row, Doing]] = []
        self.state, self.going_back, self.cancelled, self.next_seq = "pending", False, False, 1

    @property
    def is_live(self) -> bool:
        return self.state in ("running", "compensating", "stuck")

    def begin(self) -> None:
        self.position, move = plan.begin(self.definition)
        self.become("running")
        self._follow(move)

    def become(self, state: str) -> None:
        fire(saga_machine, self, state)

    def claim(self, row: Row) -> None:
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

    def _check_repeat(self, row: Row) -> None:
        blind = row.tries and row.happened != NO and not row.step.idempotent
        assert not blind, f"{row.step.name} is not idempotent, in doubt, and repeated"

    def record(self, row: Row, came: Outcome) -> None:
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
            self.descend()
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
                    self.note(Fact("opened", name))
            case TurnBack():
                self.turn_back()
            case Finish():
                self._end("completed")
        if self.state in ("running", "stuck") and not self.going_back:
            assert isinstance(move, Rest) == (not self.position.busy), f"{move} with {self.position}"
            self.become("running" if self.position.busy else "stuck")

    def turn_back(self) -> None:
        self.going_back = True
        self.note(Fact("turned back"))
        self.become("compensating")
        for row in self.rows.values():
            if row.work == "due":
                row.work = None
                fire(step_machine, row, "cancelled" if row.happened == NO else "unknown")
            if row.work is None:
                self._spare(row)
        self.descend()

    def _spare(self, row: Row) -> None:
        if row.undo == "owed" and row.happened == NO:
            fire(undo_machine, row, "unneeded")

    def descend(self) -> None:
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
            self.become("stuck")
        else:
            self.become("compensating")

    def _unsettled(self, row: Row) -> bool:
        return row.work == "running" or row.undo in ("owed", "due", "running", "stuck")

    def _demand(self, row: Row, *, once_more: bool = False) -> None:
        if once_more or not row.undo_round:
            row.undo_round, row.key_used = row.undo_round + 1, False
        row.undo_again = False
        row.tries = row.crashes = 0
        row.work, row.doing = "due", Doing.COMPENSATION
        fire(undo_machine, row, "due")
        self.note(Fact("demanded", row.step.name, number=row.undo_round))
        self.become("compensating")

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
        self.descend()

    def hear(self, row: Row, doing: Doing, came: Outcome) -> None:
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
        self.descend()

    def try_now(self, row: Row) -> None:
        if row.undo == "stuck":
            self._demand(row, once_more=row.undo_again)
            self.descend()
            return
        row.tries = row.asks = row.crashes = 0
        if row.work is None:
            row.work, row.doing = "due", Doing.ACTION
            fire(step_machine, row, "due")
            self.position, _ = plan.forward(self.definition, self.position, row.step.name, Event.FREED)
            self.become("running")

    def waive(self, row: Row) -> None:
        fire(undo_machine, row, "waived")
        self.descend()

    def cancel(self) -> None:
        self.cancelled = True
        self.turn_back()

    def _end(self, state: str) -> None:
        self.become(state)
        self.note(Fact("ended", how=state))
