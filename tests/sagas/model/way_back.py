"""Going back over rows in memory, as `sagas.record.way_back` does it over the record."""

from sagas.words import plan
from sagas.words.plan import Compensate, Finish, Top, Undo
from sagas.words.rows import Child as ChildRow
from sagas.words.rows import Each
from sagas.words.verdict import Doing
from tests.sagas.model.memory import NO, Memory, Row
from tests.sagas.model.story import Fact


class WayBack(Memory):
    def turn_back(self, cause: str) -> None:
        self.going_back, self.cause, self.wanted = True, cause, ""
        self.note(Fact("turned back"))
        self.settle_incidents(direction="forward")
        self.become("compensating")
        for row in list(self.rows.values()):
            if row.work and row.doing is not Doing.COMPENSATION:
                self._call_off(row)
            elif (row.held or (self.is_group(row) and row.state == "waiting")) and row.undo != "stuck":
                row.held = False
                if row.state in ("due", "waiting"):
                    self.move(row, "cancelled")
        for row in self.rows.values():
            if row.undo == "owed" and row.happened == NO and row.work is None:
                self.spare(row)
        self.descend()

    def _call_off(self, row: Row) -> None:
        if row.work == "running" and row.doing is not Doing.DECISION:
            return
        if isinstance(row.row, ChildRow) and row.work == "waiting":
            self.tell_child(row, "cancel")
        else:
            self.withdraw(row)

    def withdraw(self, row: Row) -> None:
        self.rest(row)
        self.move(row, "cancelled" if row.happened == NO else "unknown")

    def spare(self, row: Row) -> None:
        if row.undo == "owed" and row.happened == NO:
            self.move_back(row, "unneeded")

    def lose(self, row: Row) -> None:
        if row.undo != "none" or row.work or row.held:
            self.note(Fact("dropped", row.name))
        row.loser = True
        self.settle_incidents(row, "forward")
        if row.work == "running" and row.doing is not Doing.DECISION:
            return
        if isinstance(row.row, ChildRow) and row.work == "waiting":
            self.tell_child(row, "cancel")
            return
        if row.work:
            self.withdraw(row)
        elif row.held:
            row.held = False
            if row.state in ("due", "waiting"):
                self.move(row, "cancelled")
        self.settle_debt(row)

    def settle_debt(self, row: Row) -> None:
        self.spare(row)
        if row.undo == "owed":
            self.demand(row)

    def descend(self) -> None:
        if not self.going_back or self.ended:
            return
        rows = self._place()
        match plan.backward([Top(running=row.forward_under_way, undo=Undo(row.undo)) for row in rows]):
            case Compensate():
                for row in rows:
                    if row.undo == "owed":
                        self.demand(row)
                if all(row.undo == "stuck" or not row.work for row in rows):
                    self.descend()
            case Finish():
                self.end("cancelled" if self.cause == "cancelled" else "compensated")

    def _place(self) -> list[Row]:
        unsettled = sorted((row for row in self.rows.values() if row.unsettled), key=lambda row: -(row.seq or 0))
        left = unsettled[:1]
        if self.definition.on_compensation_stuck == "continue":
            troubled = {name for name, direction, reason in self.incidents if direction == "back" and reason != "late"}
            unsettled = [row for row in unsettled if row.undo != "stuck" and row.name not in troubled]
        if not unsettled:
            return left
        groups = self.definition.places[unsettled[0].path].groups
        outermost = self.definition.places[groups[0]].group if groups else None
        if outermost is None or outermost.compensate != "parallel":
            return unsettled[:1]
        members = [row for row in unsettled if row.path in self.definition.within(groups[0])]
        at_work = [row for row in members if row.work]
        owed = [row for row in members if row.undo == "owed" and not row.work]
        if isinstance(outermost, Each):
            owed = owed[: max(outermost.concurrency - len(at_work), 0)]
        if any(row.forward_under_way for row in at_work) or not (at_work or owed):
            return at_work or members[:1]
        return [*at_work, *owed]

    def demand(self, row: Row, *, once_more: bool = False) -> None:
        if once_more or row.undo_round == 0:
            row.undo_round, row.undo_tried = row.undo_round + 1, False
        row.undo_again = False
        row.tries = row.crashes = 0
        self.due(row, Doing.COMPENSATION)
        self.move_back(row, "due")
        self.note(Fact("demanded", row.name, number=row.undo_round))
        if isinstance(row.row, ChildRow):
            self._undo_child(row)

    def _undo_child(self, row: Row) -> None:
        self.wait(row)
        row.undo_tried = True
        self.move_back(row, "running")
        if row.child.final or row.child.state != "completed":
            self.stuck(row, "refused")
            self.note(Fact("stuck", row.name))
            return
        self.tell_child(row, "undo")

    def stuck(self, row: Row, reason: str) -> None:
        self.rest(row)
        self.move_back(row, "stuck")
        self.incident(row, reason)

    def undone(self, row: Row) -> None:
        self.rest(row)
        self.move_back(row, "done")
        self.settle_incidents(row, "back")
        self.settle_incidents(row, reason="late")
        if row.undo_again:
            self.demand(row, once_more=True)

    def tell_child(self, row: Row, verb: str) -> None:
        row.child.told.append(verb)
        self.note(Fact("told", row.name, how=verb))
