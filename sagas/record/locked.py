"""A turn under the saga's lock: the reference of all records, in Django's ORM, on PostgreSQL and SQLite alike."""

import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.db.models import F, Q, QuerySet
from django.db.models.functions import Now

from gateway import tracing
from gateway.borrowing import borrowed
from sagas.models import Incident, Journal, OutboxEvent, Run, Saga, Signal, Work
from sagas.models.saga import Going
from sagas.record import clock, news
from sagas.record.commit import commit
from sagas.record.standing import go_on
from sagas.record.turn import RUN_FIELDS, DeadToken, Turn, changes
from sagas.words import boundaries
from sagas.words.lifecycle import StepState
from sagas.words.outcome import Happened
from sagas.words.plan import Undo
from sagas.words.verdict import Doing, Reason


@contextmanager
def turn(saga_id: UUID, actor: str) -> Iterator["Locked"]:
    """A turn on that saga. Raises `Saga.DoesNotExist`."""
    with _turn(Saga.objects.filter(pk=saga_id), actor) as found:
        if found is None:
            raise Saga.DoesNotExist
        yield found


@contextmanager
def turn_of_run(run_id: int, fence: int, work: Work, actor: str) -> Iterator["Locked | None"]:
    """A turn on the saga of that run; None when the run does not do that any more under that fence."""
    saga = Run.objects.filter(pk=run_id, fence=fence, work=work).values("saga_id")
    with _turn(Saga.objects.filter(pk__in=saga), actor) as found:
        yield found


@contextmanager
def _turn(sagas: QuerySet[Saga], actor: str) -> Iterator["Locked | None"]:
    with borrowed(), commit():
        asked = time.monotonic()
        saga = sagas.select_for_update(no_key=True).annotate(clock=Now()).first()
        if saga is None:
            yield None
            return
        found = Locked(saga, actor, clock.told(saga.clock), waited=timedelta(seconds=time.monotonic() - asked))
        yield found
        found.write()
        if found.moves:
            news.tell(found)
            boundaries.committed()


class Locked(Turn):
    """A turn that reads and writes row by row; nobody else can meanwhile."""

    def at_work(self) -> list[Run]:
        return self.runs(work__isnull=False)

    def set_aside(self) -> list[Run]:
        return self.runs(Q(held=True) | Q(kind=Run.Kind.GROUP, state=StepState.WAITING))

    def owed_for_nothing(self) -> list[Run]:
        return self.runs(undo=Undo.OWED, happened=Happened.NO, work__isnull=True)

    def untaken(self, name: str) -> Signal | None:
        self.flush()
        return Signal.objects.untaken().filter(saga_id=self.saga.pk, name=name).first()

    def items(self, path: str, numbers: Iterable[int]) -> list[Run]:
        return sorted(self.runs(path=path, item__in=list(numbers)), key=lambda run: run.item)

    def another(self, queue: str) -> Run | None:
        if not self.tally["busy"]:
            return None
        self.flush()
        due = Run.objects.filter(saga_id=self.saga.pk, queue=queue, work=Work.DUE, at__lte=self.now)
        first = due.exclude(kind=Run.Kind.MESSAGE).order_by("id").first()
        return self.hold(first) if first is not None else None

    def runs(self, *conditions: Q, **which: Any) -> list[Run]:
        """Runs of this saga, read under the lock."""
        self.flush()
        found = Run.objects.filter(*conditions, saga_id=self.saga.pk, **which).order_by("id")
        return [self.hold(run) for run in found]

    def send(self, saga_id: UUID, path: str, number: int, given: Mapping[str, Any], queue: str = "sagas") -> None:
        """A message to a saga: a due run of its own, so nothing of that saga is locked; heard by a worker."""
        message = Run(saga_id=saga_id, path=path, item=number, kind=Run.Kind.MESSAGE, given=dict(given), queue=queue)
        message.work, message.at, message.rung_at = Work.DUE, self.now, self.now
        if not any((old.saga_id, old.path, old.item) == (saga_id, path, number) for old in self.sent):
            message.save(force_insert=True)
            self.sent.append(message)

    def heard(self, message: Run) -> None:
        """A message that was heard is gone; the journal keeps what it moved."""
        self._touched.pop(message.pk, None)
        message.delete()

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
        move = {"incident": str(reason), "step": path, "item": item, "code": code, "error": sentence}
        self.moves.append(move | ({"again": True} if again else {}))

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
            changed = changes(before, run, RUN_FIELDS)
            # The fence guards against a worker that read the run before its token died; under the saga's lock nobody
            # else writes it, but for a heartbeat, which touches `at` alone.
            if changed and not Run.objects.filter(pk=pk, fence=before["fence"]).update(**changed):
                raise DeadToken
            before.update(changed)
        if self.opened and self.opened[0].pk is None:
            for run in Run.objects.bulk_create(self.opened):
                self._touched[run.pk] = run
                self._before[run.pk] = dict(run.__dict__)
            self.opened = []

    def insert(self) -> None:
        """Write a saga that is new."""
        self.derive()
        self._count()
        self.saga.rev = 1
        self.saga.save(force_insert=True)
        self.flush()
        self._note()
        news.tell(self)
        boundaries.committed()

    def write(self) -> None:
        """Everything that changed, with one more `rev` and one journal row."""
        if not self.moves:
            return
        self.derive()
        self.flush()
        go_on(self)
        saga = self.saga
        self._count()
        if self.has_rested:
            about = {"saga.id": str(saga.pk), "saga.definition": saga.definition}
            saga.traceparent = tracing.new_trace(f"{saga.definition} goes on", saga.traceparent, about)
        saga.updated_at = self.now
        changed = self._changed()
        saga.rev += 1
        Saga.objects.filter(pk=saga.pk).update(rev=saga.rev, **changed)
        self._note()
        self._tell_parent()

    def hand_over_key(self) -> None:
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

    def _tell_parent(self) -> None:
        """What a child says is read off it when it is heard."""
        saga = self.saga
        if saga.parent_id is not None and self._tells_its_parent():
            of, path, queue = Run.objects.values_list("saga_id", "path", "queue").get(pk=saga.parent_id)
            self.send(of, f"{path}.news", saga.rev, {"run": saga.parent_id}, queue)

    def _note(self) -> None:
        """The journal's row for all of it, and what the world is told."""
        Journal.objects.create(saga_id=self.saga.pk, rev=self.saga.rev, actor=self.actor, moves=self.moves, at=self.now)
        if told := self._told(self.saga.rev):
            OutboxEvent.objects.bulk_create(told)
