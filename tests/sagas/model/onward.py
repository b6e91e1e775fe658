"""Does with every move of the plan what the engine does with it, over rows in memory."""

from datetime import timedelta

from sagas.words import outcome, plan, verdict
from sagas.words.outcome import Happened, Lost, Outcome, Probed, Refused, Succeeded, Unstorable
from sagas.words.plan import Close, Do, Drop, Event, Hold, Onward, TurnBack
from sagas.words.rows import Approval, Child, Each, Parallel, Sleep, Step, Wait
from sagas.words.verdict import Again, Ask, Doing, Drained, Fail, Skip, Standing, Succeed, Suspend, Undone
from tests.sagas.model.memory import MAYBE, NO, YES, Row
from tests.sagas.model.memory import Child as ChildSaga
from tests.sagas.model.story import Fact
from tests.sagas.model.way_back import WayBack

FINISHED = (Doing.ACTION, Doing.PROBE)


class Forward(WayBack):
    def begin(self) -> None:
        self.position, moves = plan.begin(self.definition)
        self.become("running")
        for move in moves:
            if isinstance(move, Do):
                self._begin_rows(move)
        self.derive()

    # An attempt begins and ends.

    def claim(self, row: Row) -> None:
        row.work, row.crashes = "running", row.crashes + 1
        if row.doing is Doing.DECISION:
            row.tries += 1
            return
        if row.seq is None:
            row.seq, self.next_seq = self.next_seq, self.next_seq + 1
        if row.doing is Doing.PROBE:
            row.asks += 1
        elif row.doing is Doing.COMPENSATION:
            row.tries, row.undo_tried = row.tries + 1, True
            self.move_back(row, "running")
            assert row.happened != NO, f"{row.name} is undone, though it is known not to have happened"
        else:
            blind = row.tries and row.happened != NO and not row.step.idempotent
            assert not blind, f"{row.name} is not idempotent, in doubt, and repeated"
            row.tries, row.prior = row.tries + 1, row.happened
            row.happened = MAYBE if row.happened == NO and not row.step.local else row.happened
            self.move(row, "running")
            if row.step.owes and row.undo == "none":
                self.move_back(row, "owed")

    def record(self, row: Row, came: Outcome) -> None:
        if not (isinstance(came, Lost) and came.died):
            row.crashes = 0
        self._learn(row, came)
        row.unstorable = isinstance(came, Unstorable)
        row.refused = isinstance(came, Refused)
        judged = verdict.judge(row.row, self._standing(row, came), came, chance=0.5)
        if row.doing is Doing.COMPENSATION:
            self._undo(row, judged)
        else:
            self._advance(row, came, judged)
        self.derive()

    def _learn(self, row: Row, came: Outcome) -> None:
        if row.doing not in FINISHED:
            return
        step = row.step
        before = row.prior if row.doing is Doing.ACTION else row.happened
        final = row.doing is Doing.PROBE and step.probe_is_final
        if step.local and isinstance(came, Lost):
            row.happened = row.prior
        else:
            row.happened = outcome.learn(before, came, final=final)
        if final and row.happened == NO:  # where that is so, a request still on its way is refused
            self.zombies = [(held, doing) for held, doing in self.zombies if held is not row]
        taken_back = final and isinstance(came, Probed) and came.landed is False and before == MAYBE
        ranks = [NO, MAYBE, YES]
        grew = ranks.index(row.happened) >= ranks.index(before)
        assert grew or taken_back, f"{row.name}: {before} became {row.happened} by {came}"

    def _standing(self, row: Row, came: Outcome) -> Standing:
        asking = (row.doing is Doing.PROBE and not isinstance(came, Probed | Refused)) or (
            isinstance(came, Probed) and came.landed is None
        )
        return Standing(
            doing=row.doing,
            tries=row.asks if asking else row.tries,
            elapsed=timedelta(0),
            happened=row.happened,
            crashes=row.crashes,
            draining=self.going_back or row.loser,
            committed=self.committed,
        )

    def _advance(self, row: Row, came: Outcome, judged: verdict.Verdict) -> None:
        event, items = self._settle_row(row, came, judged)
        if self.going_back:
            self.spare(row)
            self.descend()
        elif row.loser:
            self.settle_debt(row)
        else:
            self._pass_the_pivot(row, came)
            if event is not None and not self.going_back:
                self.fold(row, event, items)

    def _pass_the_pivot(self, row: Row, came: Outcome) -> None:
        if not isinstance(row.row, Step) or not row.row.pivot or row.doing is Doing.DECISION:
            return
        told = isinstance(came, Succeeded | Unstorable) or (isinstance(came, Probed) and came.landed)
        if told and row.happened == YES:
            self.commit()
        elif row.happened == NO and self.wanted:
            self.turn_back(self.wanted)

    def commit(self) -> None:
        if self.committed:
            return
        self.committed, self.wanted = True, ""
        self.note(Fact("committed"))
        if self.overdue:
            self.incident(None, "deadline")

    def fold(self, row: Row, event: Event, items: int = 0) -> None:
        self.position, moves = plan.forward(
            self.definition, self.position, row.path, event, item=row.item, items=items, committed=self.committed
        )
        self.position = plan.Position.load(self.position.dump())
        for move in moves:
            self._follow(row, move)

    def _follow(self, row: Row, move: Onward) -> None:
        match move:
            case Do():
                self._begin_rows(move)
            case Close(path=path, passed=passed):
                group = self.rows.get(path)
                if group is not None and group.state == "waiting":
                    self.move(group, "succeeded" if passed else "failed")
            case Drop():
                self._drop(move)
            case Hold():
                self.note(Fact("held", row.name))
                self.hold(row)
            case TurnBack():
                self.turn_back("failed_step")

    def _drop(self, move: Drop) -> None:
        for row in self.of_paths(move.paths):
            if row.loser or (move.item is not None and row.item != move.item):
                continue
            if not (self._may_matter(row) if move.finished else row.work or row.held):
                continue
            if self.is_group(row) and not row.work and not row.held:
                if row.state == "waiting":
                    self.move(row, "cancelled")
            else:
                self.lose(row)

    def _may_matter(self, row: Row) -> bool:
        return row.state != "cancelled" and (row.state != "skipped" or row.undo == "owed")

    def hold(self, row: Row) -> None:
        self.rest(row)
        row.held = True
        self.incident(row, "held")
        self.fold(row, Event.HELD)

    # What becomes of a row.

    def _settle_row(self, row: Row, came: Outcome, judged: verdict.Verdict) -> tuple[Event | None, int]:
        match judged:
            case Succeed() if row.doing is Doing.DECISION:
                return self._decided(row, came)
            case Succeed():
                self.conclude(row, "succeeded")
                return Event.PASSED, 0
            case Skip():
                self.conclude(row, self._failed_as(row, came))
                if row.state != "succeeded":
                    self.move(row, "skipped")
                return Event.PASSED, 0
            case Fail() | Drained():
                self.conclude(row, self._failed_as(row, came))
                return Event.FAILED, 0
            case Again(tell=tell):
                if row.doing is Doing.DECISION:
                    self.due(row, Doing.DECISION)
                else:
                    self.due(row, Doing.ACTION)
                    self.move(row, "due")
                self._tell(row, tell)
                return None, 0
            case Ask(tell=tell):
                row.asks = row.asks if row.doing is Doing.PROBE else 0
                self.due(row, Doing.PROBE)
                self.move(row, "unknown")
                self._tell(row, tell)
                return None, 0
            case Suspend():
                if row.doing is not Doing.DECISION:
                    self.move(row, "unknown" if row.happened != NO else "failed")
                self.hold(row)
                return None, 0
        raise AssertionError(f"{judged} is no verdict on a way forward")

    def _tell(self, row: Row, reason: object) -> None:
        if reason is not None:
            self.incident(row, "told")

    def _decided(self, row: Row, came: Outcome) -> tuple[Event | None, int]:
        answer = came.result if isinstance(came, Succeeded) else {}
        self.settle_incidents(row, "forward")
        if "result" in answer:
            self.conclude(row, "succeeded")
            return Event.PASSED, 0
        if not answer.get("taken", True):
            self.conclude(row, "skipped")
            return Event.PASSED, 0
        return self._enter(row, len(answer.get("items", [])))

    def _enter(self, row: Row, items: int) -> tuple[Event | None, int]:
        match row.row:
            case Step():
                row.tries = 0
                self.due(row, Doing.ACTION)
                self.move(row, "due")
                return None, 0
            case Parallel() | Each():
                self.rest(row)
                self.move(row, "waiting")
                return Event.ENTERED, items
        self.park(row)
        return None, 0

    def conclude(self, row: Row, state: str) -> None:
        self.rest(row)
        self.move(row, state)
        self.settle_incidents(row, "forward")

    def _failed_as(self, row: Row, came: Outcome) -> str:
        if row.doing is Doing.DECISION:
            return "failed"
        match came:
            case Succeeded() | Unstorable() | Probed(landed=True):
                return "succeeded"
            case Refused():
                return "failed"
        return "failed" if row.happened == NO else "unknown"

    def _undo(self, row: Row, judged: verdict.Verdict) -> None:
        match judged:
            case Undone():
                self.undone(row)
            case Suspend() if not row.undo_again:
                self.stuck(row, "undo")
            case Again() | Suspend():
                self.due(row, Doing.COMPENSATION)
                self.move_back(row, "due")
            case _:
                raise AssertionError(f"{judged} is no verdict on a compensation")
        if row.undo_again:
            self.demand(row, once_more=True)
        self.descend()

    # Rows begin.

    def _begin_rows(self, move: Do) -> None:
        for beginning in move.rows:
            row = self.definition.places[beginning.path].row
            name = self.name_of(beginning.path, beginning.item)
            assert name not in self.rows, f"{name} begins twice"
            opened = Row(path=beginning.path, item=beginning.item, row=row, name=name)
            self.rows[name] = opened
            self.note(Fact("opened", name))
            if row.asks:
                opened.doing = Doing.DECISION
            elif not isinstance(row, Step):
                self.park(opened)

    def park(self, row: Row) -> None:
        row.given = False
        self.wait(row)
        self.move(row, "waiting")
        match row.row:
            case Wait():
                self.take_signal(row)
            case Child(definition=definition):
                if row.seq is None:
                    row.seq, self.next_seq = self.next_seq, self.next_seq + 1
                row.happened = Happened.MAYBE
                if row.row.owes and row.undo == "none":
                    self.move_back(row, "owed")
                row.children.append(ChildSaga(final=bool(definition.pivots)))

    def take_signal(self, row: Row) -> bool:
        wait = row.row
        if self.paused or row.work != "waiting" or not isinstance(wait, Wait) or not self.signals[wait.signal]:
            return False
        self.signals[wait.signal] -= 1
        self.note(Fact("took", row.name))
        self.answer(row)
        return True

    def answer(self, row: Row) -> None:
        row.given = True
        row.tries = row.crashes = 0
        self.due(row, Doing.DECISION)

    # What comes from outside.

    def expire(self, row: Row) -> None:
        match row.row:
            case Sleep():
                self.conclude(row, "succeeded")
                self.fold(row, Event.PASSED)
            case Wait() | Approval():
                self.conclude(row, "timed_out")
                if row.row.on_timeout == "continue":
                    self.fold(row, Event.PASSED)
                elif row.row.on_failure == "incident":
                    self.hold(row)
                else:
                    self.fold(row, Event.FAILED)
        self.derive()

    def news(self, row: Row) -> None:
        """A child says: look at me."""
        row.child.news = False
        if row.undo in ("running", "stuck"):
            self._while_undone(row)
        elif row.work == "waiting" or row.held:
            self._while_forward(row)
        self.derive()

    def _while_undone(self, row: Row) -> None:
        state = row.child.state
        if state in ("compensated", "cancelled"):
            if row.undo == "stuck":
                self.move_back(row, "due")
                self.move_back(row, "running")
            self.undone(row)
            self.descend()
        elif state == "failed" and row.undo == "running":
            self.stuck(row, "child failed")
            self.descend()
        elif state == "stuck":
            self.incident(row, "child stuck")
            self.descend()
        else:
            self.settle_incidents(row, "back", "child stuck")

    def _while_forward(self, row: Row) -> None:
        state = row.child.state
        if row.held and row.gave_up and state != "failed":
            row.gave_up = False
            self.wait(row)
            self.move(row, "due")
            self.move(row, "waiting")
            self.fold(row, Event.FREED)
        match state:
            case "completed" if row.work:
                row.happened = YES
                self.conclude(row, "succeeded")
                self._go_on(row, Event.PASSED)
            case "compensated" | "cancelled" if row.work:
                row.happened = NO
                self.conclude(row, "failed")
                self._go_on(row, Event.FAILED)
            case "failed" if row.work:
                self.conclude(row, "failed")
                if self.going_back or row.loser:
                    self._go_on(row, Event.FAILED)
                else:
                    row.gave_up = True
                    self.hold(row)
            case "stuck":
                self.incident(row, "child stuck")
            case _:
                self.settle_incidents(row, "forward", "child stuck")

    def _go_on(self, row: Row, event: Event) -> None:
        if self.going_back:
            self.spare(row)
            self.descend()
        elif row.loser:
            self.settle_debt(row)
        elif event is Event.FAILED and isinstance(row.row, Child) and row.row.on_failure == "incident":
            self.hold(row)
        else:
            self.fold(row, event)

    def late(self, row: Row, doing: Doing, came: Outcome) -> None:
        landed = isinstance(came, Succeeded | Unstorable) or getattr(came, "partly", False)
        landed = landed or getattr(came, "landed", None) is True
        if doing not in FINISHED or not landed or row.happened == YES:
            return
        row.happened = row.prior = YES
        self.undo_what_landed(row)
        self.derive()

    def undo_what_landed(self, row: Row) -> None:
        unwanted = self.ended or self.going_back or row.loser
        if self.ended or row.undo in ("none", "waived"):
            if unwanted and not row.step.reads_only:
                self.incident(row, "late")
            return
        if not unwanted:
            return
        if row.undo == "unneeded":
            self.demand(row)
        elif row.undo == "done" or (row.undo == "due" and row.undo_tried):
            self.demand(row, once_more=True)
        elif row.undo in ("running", "stuck"):
            row.undo_again = True
        self.descend()
