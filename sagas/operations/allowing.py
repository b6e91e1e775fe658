"""Which verbs fit a saga as it stands."""

from collections.abc import Iterator

from django.db.models import Q

from sagas import clock, registry
from sagas.lifecycle import SagaState
from sagas.models import Run, Saga, Work
from sagas.outcome import Happened
from sagas.plan import Undo
from sagas.rows import Step
from sagas.verdict import Reason


def allowed(saga: Saga) -> list[str]:
    """The verbs that fit the saga as it stands, in the order of the contract."""
    return list(_of_ended(saga) if saga.ended_at else _of_live(saga))


def effects_in_place(saga: Saga) -> list[Run]:
    """The runs whose effect is there, or may be, and is not undone; those that only read have none."""
    table = registry.find(saga.definition, saga.version, saga.fingerprint)
    reading = {step.name for step in table.steps if step.reads_only} if table else set()
    return [run for run in Run.objects.filter(saga_id=saga.pk).in_place().order_by("seq") if run.path not in reading]


def is_pivot(saga: Saga, path: str) -> bool:
    """Is it the saga's point of no return?"""
    table = registry.find(saga.definition, saga.version, saga.fingerprint)
    row = table.places[path].row if table and path in table.places else None
    return isinstance(row, Step) and row.pivot


def _of_ended(saga: Saga) -> Iterator[str]:
    late = saga.incidents.open().filter(reason=Reason.LATE_SUCCESS)
    runs = [incident.run for incident in late.select_related("run")]
    again = any(run is not None and run.undo in (Undo.DONE, Undo.UNNEEDED) for run in runs)
    if saga.state == SagaState.FAILED or again:
        yield "retry"
    if runs:
        yield "waive"
    yield "clone"


def _of_live(saga: Saga) -> Iterator[str]:
    now = clock.now()
    runs = Run.objects.filter(saga_id=saga.pk).exclude(kind=Run.Kind.MESSAGE)
    yield "signal"
    if runs.filter(kind=Run.Kind.APPROVAL, work=Work.WAITING, given__isnull=True).exists():
        yield "decide"
    can_go_back = not saga.is_going_back and not saga.committed_at and not _pivot_is_open(saga)
    if can_go_back:
        yield "cancel"
    yield "resume" if saga.paused_at else "pause"
    if runs.retriable(now).exists():
        yield "retry"
    if runs.filter(resolvable()).exists():
        yield "resolve"
    if any(run.happened != Happened.MAYBE or not is_pivot(saga, run.path) for run in runs.filter(held=True)):
        yield "skip"
    if (saga.deadline_at and not saga.is_going_back) or runs.filter(movable(now)).exists():
        yield "reschedule"
    if can_go_back and saga.state != SagaState.PENDING:
        yield "compensate"
    if runs.filter(undo=Undo.STUCK).exists():
        yield "waive"
    if saga.open_incidents and not runs.filter(running()).exists():
        yield "give_up"


def resolvable() -> Q:
    """Steps in doubt without a live attempt, whose way back has not begun."""
    quiet = ~Q(work=Work.RUNNING) | Q(work=None)
    return Q(kind=Run.Kind.STEP, happened=Happened.MAYBE, undo__in=[Undo.NONE, Undo.OWED], seq__isnull=False) & quiet


def movable(now: object) -> Q:
    """Runs with a clock that a person may move: what waits but for a child, and what waits for its next try."""
    waits = Q(work=Work.WAITING) & ~Q(kind=Run.Kind.CHILD)
    return waits | Q(work=Work.DUE, at__gt=now)


def running() -> Q:
    """Attempts under way, and live children."""
    return Q(work=Work.RUNNING) | Q(kind=Run.Kind.CHILD, work=Work.WAITING)


def _pivot_is_open(saga: Saga) -> bool:
    table = registry.find(saga.definition, saga.version, saga.fingerprint)
    pivots = [step.name for step in table.steps if step.pivot] if table else []
    doubtful = Run.objects.filter(saga_id=saga.pk, path__in=pivots).exclude(happened=Happened.NO)
    return bool(pivots) and doubtful.exists()
