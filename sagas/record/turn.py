"""What one transaction on one saga changes: its runs, the saga, and the journal, moved in memory and written once.

    with turn(saga_id, actor) as t:              # under the saga's lock, see `locked`; without it, see `guess`
        run = t.run(pk=run_id, fence=fence)
        ...
        t.move(run, "succeeded", step=StepState.SUCCEEDED)

Runs are read and changed as model instances; what changed is written when the turn ends: the runs, the saga with one
more `rev`, and one journal row with all moves. A turn that moved nothing writes nothing. The state of a live saga is
never set by hand: it follows from how many of its runs are busy, waiting, held or stuck (`derive`), which are counted
by what the turn changed in them.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from django.db.models import Q
from django.db.models.base import ModelState
from django.utils.functional import cached_property

from gateway import tracing
from sagas.conf import conf
from sagas.errors import DefinitionUnknown
from sagas.models import OutboxEvent, Run, Saga, Signal, Work
from sagas.record import outbox
from sagas.words import registry
from sagas.words.definition import Definition
from sagas.words.events import Fact
from sagas.words.lifecycle import ENDS, SagaState, StepState, fire, saga_machine, step_machine, undo_machine
from sagas.words.plan import Position, Undo
from sagas.words.rows import Row, Step
from sagas.words.verdict import Doing, Reason

RUN_FIELDS = tuple(f.attname for f in Run._meta.concrete_fields if f.attname not in ("id", "saga_id", "path", "item"))
SAGA_FIELDS = tuple(f.attname for f in Saga._meta.concrete_fields if f.attname not in ("id", "rev"))


About = Mapping[str, Any] | None

FAR = datetime(9999, 7, 1, tzinfo=UTC)
"""The clock of what waits without a bound of its own: a child is awaited as long as it takes.

It is known by its year: told as a distance from a turn's time, it may be some seconds off.
"""

LONGEST_ACTOR = 150
"""So much of who does something is kept; the name of a person alone may have as many characters."""

HINT = timedelta(seconds=5)
"""What is due within so long is rung at once, with a countdown; the sweep rings the rest when its time has come."""


@dataclass(frozen=True, kw_only=True)
class Bell:
    """A run to be rung for: its id and fence, its queue, its saga's definition where that is known, its priority, and
    how long it is not due yet."""

    run: int
    fence: int
    queue: str
    definition: str = ""
    priority: int = 0
    delay: timedelta | None = None

    @classmethod
    def of(cls, run: Run, now: datetime, definition: str = "") -> "Bell":
        at = run.at - now if run.at and run.at > now else None
        lane = {"queue": run.queue, "definition": definition}
        return cls(run=run.pk, fence=run.fence, priority=run.priority, delay=at, **lane)


def changes(before: Mapping[str, Any], row: Run | Saga, names: Iterable[str]) -> dict[str, Any]:
    """What is not as it was, of these fields."""
    now = row.__dict__
    return {name: now[name] for name in names if now[name] != before[name]}


@dataclass(frozen=True, kw_only=True)
class Stack:
    """Runs that the way back has before it, the latest ones; `whole` if there are no others."""

    runs: list[Run]
    whole: bool


class DeadToken(Exception):
    """The fence is no longer this worker's; nothing of the turn is written."""


def _pristine_run() -> Run:
    """`Run()`, which takes Django a while, for the thousands that a worker makes in a second."""
    run = object.__new__(Run)
    run.__dict__.update(_PRISTINE.__dict__, _state=ModelState())
    return run


_PRISTINE = Run()

STANCES = ("busy", "waiting", "held", "stuck")
NONE = (0, 0, 0, 0)


class Turn:
    """The saga, what time it is, what has moved so far, and who must be told after the commit (`bells`).

    The database said `now` before it waited for the lock: what is due by then is due, never early. `latest` is
    certainly not before the present; pauses and leases are counted from it, so that none is too short.
    """

    def __init__(self, saga: Saga, actor: str, now: datetime, *, waited: timedelta = timedelta(0)) -> None:
        self.saga = saga
        self.actor = actor[:LONGEST_ACTOR]
        self.now = now
        self.latest = now + waited
        self.verb = ""
        self.moves: list[dict[str, Any]] = []
        self.published: list[Fact] = []
        self.opened: list[Run] = []
        self.sent: list[Run] = []
        self.born: list[Turn] = []
        self.remembered: Stack | None = None
        self._stances: list[tuple[Run, str]] = []
        self._touched: dict[int, Run] = {}
        self._before: dict[int, dict[str, Any]] = {}
        self._saga_before = dict(saga.__dict__)

    @cached_property
    def definition(self) -> Definition:
        """The table the saga runs on. Raises `DefinitionUnknown` where this process does not have exactly that one."""
        saga = self.saga
        found = registry.find(saga.definition, saga.version, saga.fingerprint)
        if found is None:
            table = f"saga {saga.definition!r} version {saga.version} with the table {saga.fingerprint}"
            raise DefinitionUnknown(f"This process does not know {table}; ask one that does, or deploy it here.")
        return found

    def was(self, name: str) -> Any:
        """What a field of the saga held before this turn."""
        return self._saga_before[name]

    @property
    def position(self) -> Position:
        return Position.load(self.saga.position)

    @position.setter
    def position(self, position: Position) -> None:
        self.saga.position = {**self.saga.position, **position.dump()}

    @property
    def tally(self) -> dict[str, int]:
        """How many of the saga's runs are busy, waiting, held and stuck, with what this turn changed."""
        counted = dict(zip(STANCES, self._saga_before["position"].get("tally", NONE), strict=True)) | {"": 0}
        for run, before in self._stances:
            counted[before] -= 1
            counted[run.stance] += 1
        return counted

    @property
    def ready(self) -> list[Run]:
        """The runs that this turn made due at once."""
        runs = [*self._touched.values(), *self.opened]
        return [run for run in runs if run.work == Work.DUE and run.at == self.now]

    @property
    def bells(self) -> tuple["Bell", ...]:
        """Who must be rung after the commit: what this turn made due at once or within seconds."""
        of_ours = [(run, self.saga.definition) for run in self._touched.values()]
        due = ((run, of) for run, of in [*of_ours, *((run, "") for run in self.sent)] if run.work == Work.DUE)
        mine = tuple(Bell.of(run, self.now, of) for run, of in due if run.rung_at and run.rung_at >= self.now)
        return mine + tuple(bell for child in self.born for bell in child.bells)

    def row(self, run: Run) -> Row:
        return self.definition.places[run.path].row

    def step(self, run: Run) -> Step:
        return self.definition.places[run.path].step

    def hold(self, run: Run) -> Run:
        """Let this turn write what changes in a run that was read before or under its lock."""
        if run.id not in self._touched:
            self._touched[run.id] = run
            self._before[run.id] = dict(run.__dict__)
            self._stances.append((run, run.stance))
        return self._touched[run.id]

    def run(self, *conditions: Q, **which: Any) -> Run | None:
        return next(iter(self.runs(*conditions, **which)), None)

    def open(self, path: str) -> Run:
        """A row's run, due now; written when the turn ends."""
        row = self.definition.places[path].row
        run = _pristine_run()
        run.saga_id, run.path, run.kind, run.queue = self.saga.pk, path, row.kind, row.queue
        run.priority, run.input_rev = self.saga.priority, self.saga.input_rev
        run.work, run.at = Work.DUE, self.now
        run.rung_at = run.at
        self.opened.append(run)
        self._stances.append((run, ""))
        return run

    def move(
        self, run: Run, did: str, *, step: StepState | None = None, undo: Undo | None = None, about: About = None
    ) -> None:
        """Move a run along the arrows of its machines, and note for the journal what it did, and what about it."""
        if step is not None:
            fire(step_machine, run, step)
        if undo is not None:
            fire(undo_machine, run, undo)
        known = {"step": run.path, "item": run.item, "did": did, "fence": run.fence}
        states = {"state": run.state, "undo": run.undo, "happened": run.happened}
        self.moves.append({**known, **{name: str(value) for name, value in states.items()}, **(about or {})})

    def become(self, state: SagaState) -> None:
        """Move the saga along the arrows of its machine."""
        if self.saga.state != state:
            fire(saga_machine, self.saga, state)
            self.moves.append({"saga": str(state)})

    def derive(self) -> None:
        """The state of a live saga, from what its runs do; going forward, it ends when nothing is left."""
        saga, tally = self.saga, self.tally
        if saga.ended_at or saga.state == SagaState.PENDING:
            return
        if saga.is_going_back:
            self.become(SagaState.COMPENSATING if tally["busy"] or tally["waiting"] else SagaState.STUCK)
        elif not any(tally[stance] for stance in STANCES):
            if self.position.row == len(self.definition.tops):
                self.end(SagaState.COMPLETED)
        elif tally["busy"]:
            self.become(SagaState.RUNNING)
        else:
            self.become(SagaState.WAITING if tally["waiting"] or tally["stuck"] else SagaState.STUCK)

    def end(self, state: SagaState) -> None:
        """The saga has ended; the first saga that waits for its business key gets it, and begins."""
        saga = self.saga
        saga.ended_at = self.now
        # What landed late and is not undone is still there when the saga has ended.
        self.settle("ended", reason__in=[reason for reason in Reason if reason is not Reason.LATE_SUCCESS])
        self.become(state)
        if saga.business_key is not None and saga.holds_key:
            self.hand_over_key()

    def rest(self, run: Run) -> None:
        """The run does nothing from now on, and nobody holds it."""
        run.work = run.at = run.ends_at = run.worker = run.hold_id = run.parked_at = None
        run.held = False
        run.fence += 1

    def wait(self, run: Run, until: datetime, *, relative: bool = True, ends_at: datetime | None = None) -> None:
        """The run waits for something from outside, until a time at the latest."""
        run.work, run.at, run.ends_at, run.worker = Work.WAITING, until, ends_at, None
        run.since, run.relative, run.held = self.now, relative, False
        run.hold_id = run.parked_at = None
        run.fence += 1

    def due(self, run: Run, doing: Doing, delay: timedelta = timedelta(0)) -> None:
        """The run is due after a pause."""
        run.doing, run.held = doing, False
        run.hold_id = run.parked_at = None
        run.work, run.at, run.ends_at, run.worker = Work.DUE, self.latest + delay if delay else self.now, None, None
        run.rung_at = run.at if delay <= HINT else None
        run.fence += 1

    def _count(self) -> None:
        tally = self.tally
        self.saga.position = {**self.saga.position, "tally": [tally[stance] for stance in STANCES]}

    @property
    def has_rested(self) -> bool:
        """Whether nothing happened to the saga for so long that its trace should end there; never without traces."""
        if not tracing.is_on() or not self.saga.traceparent:
            return False
        return bool(self.now - self._saga_before["updated_at"] > conf().new_trace_after)

    def _changed(self) -> dict[str, Any]:
        """What changed in the saga so far, beside its `rev`."""
        return changes(self._saga_before, self.saga, SAGA_FIELDS)

    def _told(self, rev: int) -> list[OutboxEvent]:
        """What the world is told, with the revision that this turn makes."""
        return outbox.rows(self.saga, self._saga_before, self.moves, self.published, rev=rev, now=self.now)

    def _tells_its_parent(self) -> bool:
        """A child that ended, got stuck or moves again says so; so does one that is parked, or let go."""
        if self.saga.parent_id is None:
            return False
        state, before = self.saga.state, self._saga_before["state"]
        parked = (self.saga.parked_at is None) != (self._saga_before["parked_at"] is None)
        return parked or (state != before and bool({state, before} & {*ENDS, SagaState.STUCK}))

    def runs(self, *conditions: Q, **which: Any) -> list[Run]:
        """Runs of this saga, as they are now."""
        raise NotImplementedError

    def at_work(self) -> list[Run]:
        """The runs that do or await something."""
        raise NotImplementedError

    def set_aside(self) -> list[Run]:
        """The runs that a person holds, and groups that are open."""
        raise NotImplementedError

    def owed_for_nothing(self) -> list[Run]:
        """The runs at rest that owe a compensation although they are known not to have happened."""
        raise NotImplementedError

    def untaken(self, name: str) -> Signal | None:
        """The first signal of that name that no wait has taken."""
        raise NotImplementedError

    def place(self) -> list[Run] | None:
        """The top of the stack on the way back, if that is known without asking for it: one run, or none is left."""
        return None

    def items(self, path: str, numbers: Iterable[int]) -> list[Run]:
        """Those items of a list, in that order."""
        raise NotImplementedError

    def another(self, queue: str) -> Run | None:
        """A run of this saga that is due on that queue, other than what this turn made due."""
        raise NotImplementedError

    def send(self, saga_id: UUID, path: str, number: int, given: Mapping[str, Any], queue: str = "sagas") -> None:
        """A message to a saga: a due run of its own, so nothing of that saga is locked; heard by a worker."""
        raise NotImplementedError

    def heard(self, message: Run) -> None:
        """A message that was heard is gone; the journal keeps what it moved."""
        raise NotImplementedError

    def incident(self, run: Run | None, reason: Reason, code: str, sentence: str) -> None:
        """Something needs a person; a new occurrence of what is open counts up. Without a run it is about the saga."""
        raise NotImplementedError

    def settle(self, how: str, **which: Any) -> None:
        """Close open incidents of this saga; costs nothing where none is open."""
        raise NotImplementedError

    def hand_over_key(self) -> None:
        """The first saga that waits for the business key gets it."""
        raise NotImplementedError

    def flush(self) -> None:
        """Write the runs that changed so far, so that a query sees them."""
        raise NotImplementedError

    def write(self) -> None:
        """Everything that changed, with one more `rev` and one journal row."""
        raise NotImplementedError
