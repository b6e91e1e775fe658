"""What people do to a saga, over rows in memory, as `sagas.operations` does it over the record."""

from sagas.words.plan import Event
from sagas.words.rows import Child, Step, Wait
from sagas.words.verdict import Doing
from tests.sagas.model.memory import NO, YES, Row
from tests.sagas.model.onward import Forward
from tests.sagas.model.story import Fact


class Engine(Forward):
    @property
    def pivot_is_open(self) -> bool:
        pivot = self.rows.get(self.definition.pivots[0].path) if self.definition.pivots else None
        if pivot is None or self.committed:
            return False
        return pivot.happened != NO or (pivot.work == "running" and pivot.doing is not Doing.DECISION)

    def turn(self, cause: str) -> None:
        """Cancelled or turned back, where that is allowed."""
        self.turn_back(cause)
        self.derive()

    def deadline(self) -> None:
        self.overdue = True
        if self.committed:
            self.incident(None, "deadline")
        elif self.pivot_is_open:
            self.wanted = "deadline"
        else:
            self.turn_back("deadline")
        self.derive()

    def child_moves(self, row: Row) -> None:
        """Nothing is heard of it yet."""

    def parent_cancels(self) -> None:
        if self.pivot_is_open:
            self.wanted = "cancelled"
        else:
            self.turn_back("cancelled")
        self.derive()

    def undone_by_parent(self) -> None:
        self.going_back, self.cause = True, "parent"
        self.become("compensating")
        self.note(Fact("turned back"))
        for row in self.rows.values():
            if row.work is None:
                self.spare(row)
        self.descend()
        self.derive()

    def signal(self, name: str) -> None:
        self.signals[name] += 1
        for row in self.rows.values():
            if isinstance(row.row, Wait) and row.row.signal == name and row.work == "waiting":
                self.take_signal(row)
                break
        self.derive()

    def decide(self, row: Row) -> None:
        if self.paused:
            row.given = True
        else:
            self.answer(row)
        self.derive()

    def pause(self) -> None:
        self.paused = True

    def resume(self) -> None:
        self.paused = False
        for row in self.rows.values():
            if row.work == "waiting" and not self.take_signal(row) and row.given and not isinstance(row.row, Child):
                self.answer(row)
        self.derive()

    def may_retry(self, row: Row) -> bool:
        if isinstance(row.row, Child) and row.children and row.child.state == "failed":
            return False
        repeatable = not isinstance(row.row, Step) or (row.row.idempotent and not row.unstorable)
        return not (row.held and row.happened == YES and not repeatable)

    def retry(self, row: Row) -> None:
        if row.undo == "stuck":
            self.demand(row, once_more=row.undo_again)
            self.descend()
            self.derive()
            return
        was_held = row.held
        if was_held and row.state == "waiting" and row.refused:
            self.park(row)
            self.fold(row, Event.FREED)
            self.derive()
            return
        row.tries = row.asks = row.crashes = 0
        if row.doing is Doing.COMPENSATION:
            self.due(row, Doing.COMPENSATION)
            self.derive()
            return
        if (was_held or row.doing is Doing.ACTION) and row.happened == NO:
            row.generation += 1
        self.due(row, self._what_is_tried(row, was_held))
        if row.doing is not Doing.PROBE and row.state != "waiting":
            self.move(row, "due")
        if was_held:
            self.fold(row, Event.FREED)
        self.derive()

    def _what_is_tried(self, row: Row, was_held: bool) -> Doing:
        if not isinstance(row.row, Step) or row.doing is Doing.DECISION:
            return Doing.DECISION
        return Doing.ACTION if was_held else row.doing

    def resolve(self, row: Row, landed: bool) -> None:
        if not landed:
            self._resolve_not_landed(row)
        elif self.going_back or row.loser or not (row.held or row.work):
            row.happened = YES
            self.descend()
        else:
            if row.held:
                row.held = False
                self.fold(row, Event.FREED)
            row.doing = Doing.PROBE
            if row.state == "due":
                self.move(row, "unknown")
            self._landed(row)
        self.derive()

    def _landed(self, row: Row) -> None:
        row.happened, row.crashes = YES, 0
        self.conclude(row, "succeeded")
        if row.step.pivot:
            self.commit()
        self.fold(row, Event.PASSED)

    def _resolve_not_landed(self, row: Row) -> None:
        row.happened = row.prior = NO
        if row.state == "unknown" and row.held:
            self.move(row, "failed")
        if self.going_back:
            self.spare(row)
            self.descend()
            return
        if row.work == "due":
            self.due(row, Doing.ACTION)
            self.move(row, "due")
        if self.wanted and row.step.pivot:
            self.turn_back(self.wanted)

    def skip(self, row: Row) -> None:
        row.held = False
        self.fold(row, Event.FREED)
        if isinstance(row.row, Step) and row.row.pivot:
            self.commit()
        self.conclude(row, "skipped")
        self.fold(row, Event.PASSED)
        self.derive()

    def waive(self, row: Row) -> None:
        self.settle_incidents(row)
        self.move_back(row, "waived")
        self.descend()
        self.derive()

    def give_up(self) -> None:
        for row in self.rows.values():
            if row.work:
                self.put_down.append((row, row.work, row.doing))
                self.rest(row)
        if self.state == "running":
            self.become("stuck")
        self.closed = {incident for incident in self.incidents if incident[2] not in ("deadline", "late")}
        self.end("failed")

    def reopen(self) -> None:
        self.become("compensating" if self.going_back else "running")
        self.overdue = self.overdue and self.going_back
        waived = {row.name for row in self.rows.values() if row.undo == "waived"}
        self.incidents |= {incident for incident in self.closed if incident[0] not in waived}
        for row, work, doing in self.put_down:
            self.due(row, doing) if work == "due" else self.wait(row)
        self.put_down = []
        late = {name for name, _, reason in self.incidents if reason == "late"}
        for row in self.rows.values():
            if row.name in late and row.undo not in ("none", "waived"):
                self.undo_what_landed(row)
                self.settle_incidents(row, reason="late")
        self.descend()
        self.derive()
