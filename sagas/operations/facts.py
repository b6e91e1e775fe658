"""What decides which verbs fit, asked of the database for many sagas as for one: each fact in one statement."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from uuid import UUID

from django.db.models import Case, F, Q, When
from django.utils.functional import cached_property

from sagas.models import Callback, Incident, Run, Saga, Work
from sagas.models.incident import IncidentQuerySet
from sagas.models.run import RunQuerySet
from sagas.record import clock
from sagas.words import registry
from sagas.words.lifecycle import SagaState
from sagas.words.outcome import Happened
from sagas.words.plan import Undo
from sagas.words.rows import Step
from sagas.words.verdict import Doing, Reason

Ids = frozenset[UUID]
KEY = ("tenant", "definition", "business_key")


class Facts:
    """Facts of some sagas; what is not asked for costs nothing, and no saga is asked after what cannot be so of it."""

    def __init__(self, sagas: Iterable[Saga]) -> None:
        self._sagas = {saga.pk: saga for saga in sagas}
        self._live = self._where(lambda saga: not saga.ended_at)
        self._ended = self._where(lambda saga: bool(saga.ended_at))
        self._in_trouble = self._where(lambda saga: not saga.ended_at and saga.open_incidents > 0)

    @cached_property
    def awaiting_people(self) -> Ids:
        """Sagas with an approval that nobody has decided."""
        return _some(self._live, undecided())

    @cached_property
    def at_the_pivot(self) -> Ids:
        """Sagas whose pivot is under way, or may have happened."""
        pivots = {pk: names for pk in self._live if (names := pivots_of(self._sagas[pk]))}
        doubtful = _runs(pivots).filter(in_doubt())
        found = doubtful.filter(path__in={name for names in pivots.values() for name in names})
        return frozenset(pk for pk, path in found.values_list("saga_id", "path") if path in pivots[pk])

    @cached_property
    def retriable(self) -> Ids:
        """Live sagas with a row that would be tried."""
        child = Case(When(kind=Run.Kind.CHILD, then=F("pk")))
        columns = ("saga_id", "path", "held", "happened", "code")
        found = _runs(self._live).retriable(self._now).values_list(*columns, child).distinct()
        rows = list(found)
        given_up = children_given_up(row for *_, row in rows if row is not None)
        return frozenset(
            pk
            for pk, path, held, happened, code, row in rows
            if row not in given_up and not (held and is_never_repeated(self._sagas[pk], path, happened, code))
        )

    @cached_property
    def resolvable(self) -> Ids:
        """Sagas with a step in doubt of which a person may say what became of it."""
        return _some(self._live, resolvable())

    @cached_property
    def held(self) -> Mapping[UUID, Sequence[tuple[str, str]]]:
        """The rows that are held, and what is known of their effects; only sagas in trouble have any."""
        found = defaultdict(list)
        rows = _runs(self._in_trouble).filter(held=True).values_list("saga_id", "path", "happened")
        for pk, path, happened in rows.distinct():
            found[pk].append((path, happened))
        return found

    @cached_property
    def movable(self) -> Ids:
        """Sagas with a row whose clock a person may move."""
        return _some(self._live, movable(self._now))

    @cached_property
    def stuck(self) -> Ids:
        """Sagas with a compensation that needs a person; live ones are in trouble then."""
        return _some(self._ended | self._in_trouble, Q(undo=Undo.STUCK))

    @cached_property
    def late(self) -> Ids:
        """Sagas of which something has landed when nobody could undo it any more."""
        found = landed_late(self._ended | self._in_trouble)
        return frozenset(found.values_list("saga_id", flat=True))

    @cached_property
    def undone_once_more(self) -> Ids:
        """Ended sagas of which something can be undone once more."""
        return self._ended & (self.stuck | _some(self.late & self._ended, owed_once_more(self._ended)))

    @cached_property
    def under_way(self) -> Ids:
        """Sagas in trouble that have an attempt under way, or a live child."""
        return _some(self._in_trouble, running())

    @cached_property
    def untold(self) -> Ids:
        """Ended sagas whose end was not taken by who wanted to know."""
        found = Callback.objects.untold().filter(saga_id__in=self._ended)
        return frozenset(found.values_list("saga_id", flat=True))

    @cached_property
    def closed_for_good(self) -> Mapping[UUID, tuple[str, str]]:
        """Sagas that were given up and cannot go on: why not, and a code."""
        failed = [saga for saga in self._sagas.values() if saga.state == SagaState.FAILED]
        keyed = [saga for saga in failed if saga.business_key is not None and saga.holds_key]
        which = {f"{name}__in": {getattr(saga, name) for saga in keyed} for name in KEY}
        holders = {_key(one): one for one in Saga.objects.live().filter(**which, holds_key=True)} if keyed else {}
        parents = Run.objects.select_related("saga").in_bulk({saga.parent_id for saga in failed if saga.parent_id})
        found = {}
        for saga in failed:
            holder = holders.get(_key(saga)) if saga in keyed else None
            if holder is not None:
                said = f"Saga {holder.pk} holds the business key {saga.business_key!r} now."
                found[saga.pk] = said, "key_taken"
            elif saga.parent_id is not None and not _waits_for_its_child(parents[saga.parent_id]):
                parent = parents[saga.parent_id].saga_id
                found[saga.pk] = f"Its parent, saga {parent}, has gone on without it.", "parent_gone"
        return found

    @cached_property
    def _now(self) -> datetime:
        return clock.now()

    def _where(self, holds: Callable[[Saga], bool]) -> Ids:
        return frozenset(pk for pk, saga in self._sagas.items() if holds(saga))


def undecided() -> Q:
    """Approvals that wait for a person."""
    return Q(kind=Run.Kind.APPROVAL, work=Work.WAITING, given__isnull=True)


def in_doubt() -> Q:
    """Rows that are under way, or may have happened."""
    return ~Q(happened=Happened.NO) | Q(work=Work.RUNNING) & ~Q(doing=Doing.DECISION)


def resolvable() -> Q:
    """Steps in doubt without a live attempt, whose way back has not begun."""
    quiet = ~Q(work=Work.RUNNING) | Q(work=None)
    return Q(kind=Run.Kind.STEP, happened=Happened.MAYBE, undo__in=[Undo.NONE, Undo.OWED], seq__isnull=False) & quiet


def movable(now: datetime) -> Q:
    """Runs with a clock that a person may move: what waits but for a child, and what waits for its next try."""
    waits = Q(work=Work.WAITING) & ~Q(kind=Run.Kind.CHILD)
    return waits | Q(work=Work.DUE, at__gt=now, hold=None)


def running() -> Q:
    """Attempts under way, and live children."""
    live_child = Q(children__isnull=False, children__ended_at=None)
    return Q(work=Work.RUNNING) | Q(kind=Run.Kind.CHILD, work=Work.WAITING) | live_child


def landed_late(ids: Iterable[UUID]) -> IncidentQuerySet:
    """The open incidents of what landed when nobody could undo it any more."""
    return Incident.objects.open().filter(saga_id__in=ids, reason=Reason.LATE_SUCCESS).order_by()


def owed_once_more(ids: Iterable[UUID]) -> Q:
    """Of sagas that have ended: what landed after all, or could not be undone then."""
    late = landed_late(ids).values("run")
    return Q(pk__in=late, undo__in=[Undo.DONE, Undo.UNNEEDED]) | Q(undo=Undo.STUCK)


def pivots_of(saga: Saga) -> frozenset[str]:
    """The names of its points of no return."""
    table = registry.find(saga.definition, saga.version, saga.fingerprint)
    return frozenset(step.name for step in table.steps if step.pivot) if table else frozenset()


def is_never_repeated(saga: Saga, path: str, happened: str, code: str) -> bool:
    """Of a row that is held: it has happened, and cannot be made to happen again to the same effect."""
    table = registry.find(saga.definition, saga.version, saga.fingerprint)
    row = table.places[path].row if table and path in table.places else None
    repeatable = not isinstance(row, Step) or row.idempotent
    return happened == Happened.YES and (code == "result_unstorable" or not repeatable)


def children_given_up(rows: Iterable[int]) -> Mapping[int, Saga]:
    """Of the rows that began children, those whose last one was given up, by that child."""
    last = {}
    for child in Saga.objects.filter(parent_id__in=set(rows)).order_by("created_at", "id"):
        last[child.parent_id] = child
    return {row: child for row, child in last.items() if row is not None and child.state == SagaState.FAILED}


def _runs(ids: Iterable[UUID]) -> RunQuerySet:
    return Run.objects.filter(saga_id__in=ids).exclude(kind=Run.Kind.MESSAGE).order_by()


def _some(ids: Iterable[UUID], which: Q) -> Ids:
    """Those of the sagas that have such a row."""
    return frozenset(_runs(ids).filter(which).values_list("saga_id", flat=True).distinct())


def _key(saga: Saga) -> tuple[str, str, str | None]:
    return saga.tenant, saga.definition, saga.business_key


def _waits_for_its_child(parent: Run) -> bool:
    waits = parent.work == Work.WAITING or parent.held or parent.undo in (Undo.RUNNING, Undo.STUCK)
    return waits and not parent.saga.ended_at
