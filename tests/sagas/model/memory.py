"""A saga and its rows in memory: what the record keeps, and the state that follows from it."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from sagas.words import plan
from sagas.words.definition import Definition
from sagas.words.lifecycle import fire, saga_machine, step_machine, undo_machine
from sagas.words.outcome import Happened
from sagas.words.rows import GROUPS, Each, Group, Leaf, Step
from sagas.words.verdict import Doing
from tests.sagas.model.story import Fact

NO, MAYBE, YES = Happened.NO, Happened.MAYBE, Happened.YES
ENDS = ("completed", "compensated", "cancelled", "failed")


@dataclass(eq=False)
class Child:
    """A child saga, seen from outside: its state, whether it can be undone, and what it has been told."""

    final: bool
    state: str = "running"
    back: bool = False
    told: list[str] = field(default_factory=list)
    news: bool = False


@dataclass(eq=False)
class Row:
    """One row at work, as the record keeps it."""

    path: str
    item: int
    row: Leaf | Group
    name: str
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
    undo_tried: bool = False
    undo_again: bool = False
    held: bool = False
    loser: bool = False
    given: bool = False
    unstorable: bool = False
    refused: bool = False
    gave_up: bool = False
    children: list[Child] = field(default_factory=list)

    @property
    def step(self) -> Step:
        assert isinstance(self.row, Step), f"{self.name} is no step"
        return self.row

    @property
    def child(self) -> Child:
        return self.children[-1]

    @property
    def stance(self) -> str:
        if self.held:
            return "held"
        if self.work:
            return "waiting" if self.work == "waiting" else "busy"
        return "stuck" if self.undo == "stuck" else ""

    @property
    def forward_under_way(self) -> bool:
        return self.doing is not Doing.COMPENSATION and self.work in ("running", "waiting")

    @property
    def unsettled(self) -> bool:
        live = self.work in ("running", "waiting") or self.undo in ("owed", "due", "running", "stuck")
        return live and self.seq is not None


class Memory:
    """One saga. What it does by itself is told to `note`."""

    def __init__(self, definition: Definition, note: Callable[[Fact], None]) -> None:
        self.definition = definition
        self.note = note
        self.rows: dict[str, Row] = {}
        self.zombies: list[tuple[Row, Doing]] = []
        self.incidents: set[tuple[str, str, str]] = set()
        self.closed: set[tuple[str, str, str]] = set()
        self.put_down: list[tuple[Row, str, Doing]] = []
        self.signals: Counter[str] = Counter()
        self.position = plan.Position()
        self.state, self.cause, self.wanted, self.next_seq = "pending", "", "", 1
        self.going_back = self.committed = self.overdue = self.paused = False

    @property
    def ended(self) -> bool:
        return self.state in ENDS

    def of_paths(self, paths: tuple[str, ...]) -> list[Row]:
        return [row for row in self.rows.values() if row.path in paths]

    def become(self, state: str) -> None:
        fire(saga_machine, self, state)

    def derive(self) -> None:
        """The state of a live saga, from what its rows do; going forward, it ends when nothing is left."""
        if self.ended or self.state == "pending":
            return
        tally = Counter(row.stance for row in self.rows.values())
        if self.going_back:
            self.become("compensating" if tally["busy"] or tally["waiting"] else "stuck")
        elif not (tally["busy"] or tally["waiting"] or tally["held"] or tally["stuck"]):
            if self.position.row == len(self.definition.tops):
                self.end("completed")
        elif tally["busy"]:
            self.become("running")
        else:
            self.become("waiting" if tally["waiting"] or tally["stuck"] else "stuck")

    def end(self, state: str) -> None:
        self.incidents = {incident for incident in self.incidents if incident[2] == "late"}
        self.become(state)
        self.note(Fact("ended", how=state))

    def rest(self, row: Row) -> None:
        row.work, row.held = None, False

    def wait(self, row: Row) -> None:
        row.work, row.held = "waiting", False

    def due(self, row: Row, doing: Doing) -> None:
        row.work, row.doing, row.held = "due", doing, False

    def move(self, row: Row, state: str) -> None:
        fire(step_machine, row, state)

    def move_back(self, row: Row, undo: str) -> None:
        fire(undo_machine, row, undo)

    def incident(self, row: Row | None, reason: str) -> None:
        undoing = row is not None and row.doing is Doing.COMPENSATION
        direction = "back" if undoing or reason == "late" else "forward"
        self.incidents.add((row.name if row else "", direction, reason))

    def settle_incidents(self, row: Row | None = None, direction: str = "", reason: str = "") -> None:
        def meant(incident: tuple[str, str, str]) -> bool:
            mine = row is None or incident[0] == row.name
            return mine and direction in ("", incident[1]) and reason in ("", incident[2])

        self.incidents = {incident for incident in self.incidents if not meant(incident)}

    def name_of(self, path: str, item: int) -> str:
        groups = self.definition.places[path].groups
        return f"{path}#{item}" if groups and isinstance(self.definition.places[groups[-1]].row, Each) else path

    def is_group(self, row: Row) -> bool:
        return isinstance(row.row, GROUPS)
