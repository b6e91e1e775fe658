"""One transaction on one saga, under its lock: read, change, write down, once.

    with turn(saga_id, actor) as t:
        run = t.run(pk=run_id, fence=fence)
        ...
        t.move(run, "succeeded", step=StepState.SUCCEEDED)

Runs are read and changed as model instances; what changed is written when the turn ends: the runs, the saga with one
more `rev`, and one journal row with all moves. A turn that moved nothing writes nothing. The state of a live saga is
never set by hand: it follows from how many of its runs are busy, waiting, held or stuck (`derive`), which are counted
by what the turn changed in them.
"""

import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import F, Q, QuerySet
from django.db.models.functions import Now

from gateway.borrowing import borrowed
from sagas.errors import DefinitionUnknown
from sagas.models import Incident, Journal, Run, Saga, Work
from sagas.models.saga import Going
from sagas.record import clock
from sagas.words import boundaries, registry
from sagas.words.definition import Definition
from sagas.words.lifecycle import ENDS, SagaState, StepState, fire, saga_machine, step_machine, undo_machine
from sagas.words.plan import Position, Undo
from sagas.words.rows import Row, Step
from sagas.words.verdict import Doing, Reason

RUN_FIELDS = tuple(f.attname for f in Run._meta.concrete_fields if f.attname not in ("id", "saga_id", "path", "item"))
SAGA_FIELDS = tuple(f.attname for f in Saga._meta.concrete_fields if f.attname not in ("id", "rev"))


About = Mapping[str, Any] | None

FAR = datetime(9999, 1, 1, tzinfo=UTC)
"""The clock of what waits without a bound of its own: a child is awaited as long as it takes."""

HINT = timedelta(seconds=5)
"""What is due within so long is rung at once, with a countdown; the sweep rings the rest when its time has come."""


@dataclass(frozen=True, kw_only=True)
class Bell:
    """A run to be rung for: its id and fence, its queue, and how long it is not due yet."""

    run: int
    fence: int
    queue: str
    delay: timedelta | None = None

    @classmethod
    def of(cls, run: Run, now: datetime) -> "Bell":
        delay = run.at - now if run.at else timedelta(0)
        return cls(run=run.pk, fence=run.fence, queue=run.queue, delay=delay if delay > timedelta(0) else None)


class DeadToken(Exception):
    """The fence is no longer this worker's; nothing of the turn is written."""


@contextmanager
def turn(saga_id: UUID, actor: str) -> Iterator["Turn"]:
    """A turn on that saga. Raises `Saga.DoesNotExist`."""
    with _turn(Saga.objects.filter(pk=saga_id), actor) as found:
        if found is None:
            raise Saga.DoesNotExist
        yield found


@contextmanager
def turn_of_run(run_id: int, fence: int, work: Work, actor: str) -> Iterator["Turn | None"]:
    """A turn on the saga of that run; None when the run does not do that any more under that fence."""
    saga = Run.objects.filter(pk=run_id, fence=fence, work=work).values("saga_id")
    with _turn(Saga.objects.filter(pk__in=saga), actor) as found:
        yield found


@contextmanager
def _turn(sagas: QuerySet[Saga], actor: str) -> Iterator["Turn | None"]:
    with borrowed(), transaction.atomic():
        asked = time.monotonic()
        saga = sagas.select_for_update(no_key=True).annotate(clock=Now()).first()
        if saga is None:
            yield None
            return
        found = Turn(saga, actor, clock.told(saga.clock), waited=timedelta(seconds=time.monotonic() - asked))
        yield found
        found.write()
    boundaries.passed("committed")


STANCES = ("busy", "waiting", "held", "stuck")


class Turn:
    """The saga, what time it is, what has moved so far, and who must be told after the commit (`bells`).

    The database said `now` before it waited for the lock: what is due by then is due, never early. `latest` is
    certainly not before the present; pauses and leases are counted from it, so that none is too short.
    """

    def __init__(self, saga: Saga, actor: str, now: datetime, *, waited: timedelta = timedelta(0)) -> None:
        self.saga = saga
        self.actor = actor
        self.now = now
        self.latest = now + waited
        self.moves: list[dict[str, Any]] = []
        self.opened: list[Run] = []
        self.sent: list[Run] = []
        self.born: list[Turn] = []
        self._stances: list[tuple[Run, str]] = []
        self._touched: dict[int, Run] = {}
        self._before: dict[int, dict[str, Any]] = {}
        self._saga_before = {name: getattr(saga, name) for name in SAGA_FIELDS}

    @property
    def definition(self) -> Definition:
        """The table the saga runs on. Raises `DefinitionUnknown` where this process does not have exactly that one."""
        saga = self.saga
        found = registry.find(saga.definition, saga.version, saga.fingerprint)
        if found is None:
            table = f"saga {saga.definition!r} version {saga.version} with the table {saga.fingerprint}"
            raise DefinitionUnknown(f"This process does not know {table}; ask one that does, or deploy it here.")
        return found

    @property
    def position(self) -> Position:
        return Position.load(self.saga.position)

    @position.setter
    def position(self, position: Position) -> None:
        self.saga.position = {**self.saga.position, **position.dump()}

    @property
    def tally(self) -> Counter[str]:
        """How many of the saga's runs are busy, waiting, held and stuck, with what this turn changed."""
        counted = Counter(dict(zip(STANCES, self._saga_before["position"].get("tally", (0, 0, 0, 0)), strict=True)))
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
        due = (run for run in [*self._touched.values(), *self.sent] if run.work == Work.DUE)
        mine = tuple(Bell.of(run, self.now) for run in due if run.rung_at and run.rung_at >= self.now)
        return mine + tuple(bell for child in self.born for bell in child.bells)

    def row(self, run: Run) -> Row:
        return self.definition.places[run.path].row

    def step(self, run: Run) -> Step:
        return self.definition.places[run.path].step

    def hold(self, run: Run) -> Run:
        """Let this turn write what changes in a run that was read before or under its lock."""
        if run.pk not in self._touched:
            self._touched[run.pk] = run
            self._before[run.pk] = {name: getattr(run, name) for name in RUN_FIELDS}
            self._stances.append((run, run.stance))
        return self._touched[run.pk]

    def runs(self, *conditions: Q, **which: Any) -> list[Run]:
        """Runs of this saga, read under the lock."""
        self.flush()
        found = Run.objects.filter(*conditions, saga_id=self.saga.pk, **which).order_by("id")
        return [self.hold(run) for run in found]

    def run(self, *conditions: Q, **which: Any) -> Run | None:
        return next(iter(self.runs(*conditions, **which)), None)

    def open(self, path: str) -> Run:
        """A row's run, due now; written when the turn ends."""
        row = self.definition.places[path].row
        run = Run(
            saga_id=self.saga.pk,
            path=path,
            kind=row.kind,
            queue=row.queue,
            priority=self.saga.priority,
            input_rev=self.saga.input_rev,
            work=Work.DUE,
            at=self.now,
        )
        run.rung_at = run.at
        self.opened.append(run)
        self._stances.append((run, ""))
        return run

    def send(self, saga_id: UUID, path: str, number: int, given: Mapping[str, Any], queue: str = "sagas") -> None:
        """A message to a saga: a due run of its own, so nothing of that saga is locked; heard by a worker."""
        message = Run(saga_id=saga_id, path=path, item=number, kind=Run.Kind.MESSAGE, given=dict(given), queue=queue)
        message.work, message.at, message.rung_at = Work.DUE, self.now, self.now
        if not any((old.saga_id, old.path, old.item) == (saga_id, path, number) for old in self.sent):
            message.save(force_insert=True)
            self.sent.append(message)

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

    def heard(self, message: Run) -> None:
        """A message that was heard is gone; the journal keeps what it moved."""
        self._touched.pop(message.pk, None)
        message.delete()

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
            self._hand_over_key()

    def rest(self, run: Run) -> None:
        """The run does nothing from now on, and nobody holds it."""
        run.work = run.at = run.ends_at = run.worker = None
        run.held = False
        run.fence += 1

    def wait(self, run: Run, until: datetime, *, relative: bool = True, ends_at: datetime | None = None) -> None:
        """The run waits for something from outside, until a time at the latest."""
        run.work, run.at, run.ends_at, run.worker = Work.WAITING, until, ends_at, None
        run.since, run.relative, run.held = self.now, relative, False
        run.fence += 1

    def due(self, run: Run, doing: Doing, delay: timedelta = timedelta(0)) -> None:
        """The run is due after a pause."""
        run.doing, run.held = doing, False
        run.work, run.at, run.ends_at, run.worker = Work.DUE, self.latest + delay if delay else self.now, None, None
        run.rung_at = run.at if delay <= HINT else None
        run.fence += 1

    def incident(self, run: Run | None, reason: Reason, code: str, sentence: str) -> None:
        """Something needs a person; a new occurrence of what is open counts up. Without a run it is about the saga."""
        undoing = run is not None and run.doing == Doing.COMPENSATION
        direction = Going.BACK if undoing or reason is Reason.LATE_SUCCESS else Going.FORWARD
        path, item = (run.path, run.item) if run is not None else ("", 0)
        which = {"saga_id": self.saga.pk, "path": path, "item": item, "direction": direction, "reason": reason}
        what = {"reason_code": code, "sentence": sentence, "last_at": self.now, "retried_at": None}
        again = Incident.objects.filter(**which, closed_at=None).update(times=F("times") + 1, **what)
        if not again:
            Incident.objects.create(
                **which,
                **what,
                run=run,
                opened_at=self.now,
                tenant=self.saga.tenant,
                definition=self.saga.definition,
            )
            self.saga.open_incidents += 1
            self.saga.decisions += 1
        self.moves.append({"incident": str(reason), "step": path, "item": item, "code": code, "error": sentence})

    def settle(self, how: str, **which: Any) -> None:
        """Close open incidents of this saga; costs nothing where none is open."""
        if self.saga.open_incidents:
            open_ones = Incident.objects.filter(saga_id=self.saga.pk, closed_at=None, **which)
            closed = open_ones.update(closed_at=self.now, closed_as=how)
            self.saga.open_incidents -= closed
            self.saga.decisions += bool(closed)

    def flush(self) -> None:
        """Write the runs that changed so far, so that a query sees them."""
        for pk, run in self._touched.items():
            before = self._before[pk]
            changed = {name: value for name in RUN_FIELDS if (value := getattr(run, name)) != before[name]}
            # The fence guards against a worker that read the run before its token died; under the saga's lock nobody
            # else writes it, but for a heartbeat, which touches `at` alone.
            if changed and not Run.objects.filter(pk=pk, fence=before["fence"]).update(**changed):
                raise DeadToken
            before.update(changed)
        if self.opened and self.opened[0].pk is None:
            for run in Run.objects.bulk_create(self.opened):
                self._touched[run.pk] = run
                self._before[run.pk] = {name: getattr(run, name) for name in RUN_FIELDS}
            self.opened = []

    def insert(self) -> None:
        """Write a saga that is new."""
        self.derive()
        self._count()
        self.saga.rev = 1
        self.saga.save(force_insert=True)
        self.flush()
        self._note()

    def write(self) -> None:
        """Everything that changed, with one more `rev` and one journal row."""
        if not self.moves:
            return
        self.derive()
        self.flush()
        saga = self.saga
        self._count()
        saga.updated_at = self.now
        changed = {n: value for n in SAGA_FIELDS if (value := getattr(saga, n)) != self._saga_before[n]}
        saga.rev += 1
        Saga.objects.filter(pk=saga.pk).update(rev=saga.rev, **changed)
        self._note()
        self._tell_parent()

    def _hand_over_key(self) -> None:
        saga = self.saga
        same = {"tenant": saga.tenant, "definition": saga.definition, "business_key": saga.business_key}
        queued = Saga.objects.queued().filter(**same).order_by("id")
        heir = queued.select_for_update(no_key=True).first()
        while heir is None and queued.exists():  # the first of them was cancelled while we waited for its lock
            heir = queued.select_for_update(no_key=True).first()
        if heir is not None:
            # The end is written ahead of the rest: the key must be free before another saga may hold it.
            Saga.objects.filter(pk=saga.pk).update(ended_at=saga.ended_at, state=saga.state)
            Saga.objects.filter(pk=heir.pk).update(holds_key=True)
            self.send(heir.pk, "begin", 0, {"verb": "begin"})

    def _count(self) -> None:
        tally = self.tally
        self.saga.position = {**self.saga.position, "tally": [tally[stance] for stance in STANCES]}

    def _tell_parent(self) -> None:
        """A child that ended, got stuck or moves again says so; what it says is read off it when it is heard."""
        saga, before = self.saga, self._saga_before["state"]
        telling = {saga.state, before} & {*ENDS, SagaState.STUCK}
        if saga.parent_id is not None and saga.state != before and telling:
            of, path, queue = Run.objects.values_list("saga_id", "path", "queue").get(pk=saga.parent_id)
            self.send(of, f"{path}.news", saga.rev, {"run": saga.parent_id}, queue)

    def _note(self) -> None:
        Journal.objects.create(saga_id=self.saga.pk, rev=self.saga.rev, actor=self.actor, moves=self.moves, at=self.now)
