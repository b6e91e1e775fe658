"""Which verbs fit a saga as it stands."""

from collections.abc import Iterator

from django.db.models import Q

from sagas.models import Callback, Run, Saga, Work
from sagas.record import clock
from sagas.record.children import born_of
from sagas.words import registry
from sagas.words.lifecycle import SagaState
from sagas.words.outcome import Happened
from sagas.words.plan import Undo
from sagas.words.rows import Step
from sagas.words.verdict import Doing, Reason


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


def why_not_reopened(saga: Saga) -> tuple[str, str] | None:
    """Why a saga that was given up cannot go on, and a code; None when it can."""
    if saga.business_key is not None and saga.holds_key:
        holder = Saga.objects.of_tenant(saga.tenant).holding(saga.definition, saga.business_key).first()
        if holder is not None:
            return f"Saga {holder.pk} holds the business key {saga.business_key!r} now.", "key_taken"
    if saga.parent_id is not None:
        parent = Run.objects.select_related("saga").get(pk=saga.parent_id)
        waits = parent.work == Work.WAITING or parent.held or parent.undo in (Undo.RUNNING, Undo.STUCK)
        if parent.saga.ended_at or not waits:
            return f"Its parent, saga {parent.saga_id}, has gone on without it.", "parent_gone"
    return None


def why_not_retried(saga: Saga, run: Run) -> tuple[str, str] | None:
    """Why a row that needs a person is not tried again, and a code; None when it is."""
    if run.kind == Run.Kind.CHILD:
        born = born_of(run.pk).first()
        if born is not None and born.state == SagaState.FAILED:  # a second one would do what the first may have done
            return f"Retry saga {born.pk} instead, the child that was given up.", "retry_the_child"
    table = registry.find(saga.definition, saga.version, saga.fingerprint)
    row = table.places[run.path].row if table and run.path in table.places else None
    repeatable = not isinstance(row, Step) or row.idempotent
    if run.held and run.happened == Happened.YES and (run.code == "result_unstorable" or not repeatable):
        return f"{run.path} has happened and is never repeated; skip it, and supply its result.", "happened"
    return None


def owed_after_the_end(saga: Saga) -> list[Run]:
    """Of a saga that has ended: what landed after all, or could not be undone then, and can be undone once more."""
    late = saga.incidents.open().filter(reason=Reason.LATE_SUCCESS).values("run")
    landed = Q(pk__in=late, undo__in=[Undo.DONE, Undo.UNNEEDED])
    return list(Run.objects.filter(landed | Q(undo=Undo.STUCK), saga_id=saga.pk).order_by("id"))


def _of_ended(saga: Saga) -> Iterator[str]:
    again = why_not_reopened(saga) is None if saga.state == SagaState.FAILED else bool(owed_after_the_end(saga))
    if again:
        yield "retry"
    if _can_waive(saga):
        yield "waive"
    if Callback.objects.untold().filter(saga_id=saga.pk).exists():
        yield "tell_again"
    yield "clone"


def _can_waive(saga: Saga) -> bool:
    late = saga.incidents.open().filter(reason=Reason.LATE_SUCCESS)
    return Run.objects.filter(saga_id=saga.pk, undo=Undo.STUCK).exists() or late.exists()


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
    if any(why_not_retried(saga, run) is None for run in runs.retriable(now)):
        yield "retry"
    if runs.filter(resolvable()).exists():
        yield "resolve"
    # What is held, or stuck on its way back, is an open incident; most sagas have none, and are not asked further.
    held = runs.filter(held=True) if saga.open_incidents else ()
    if any(run.happened != Happened.MAYBE or not is_pivot(saga, run.path) for run in held):
        yield "skip"
    if (saga.deadline_at and not saga.is_going_back) or runs.filter(movable(now)).exists():
        yield "reschedule"
    if can_go_back and saga.state != SagaState.PENDING:
        yield "compensate"
    if saga.open_incidents and _can_waive(saga):
        yield "waive"
    if saga.open_incidents and saga.state != SagaState.PENDING and not runs.filter(running()).exists():
        yield "give_up"


def resolvable() -> Q:
    """Steps in doubt without a live attempt, whose way back has not begun."""
    quiet = ~Q(work=Work.RUNNING) | Q(work=None)
    return Q(kind=Run.Kind.STEP, happened=Happened.MAYBE, undo__in=[Undo.NONE, Undo.OWED], seq__isnull=False) & quiet


def movable(now: object) -> Q:
    """Runs with a clock that a person may move: what waits but for a child, and what waits for its next try."""
    waits = Q(work=Work.WAITING) & ~Q(kind=Run.Kind.CHILD)
    return waits | Q(work=Work.DUE, at__gt=now, hold=None)


def running() -> Q:
    """Attempts under way, and live children."""
    live_child = Q(children__isnull=False, children__ended_at=None)
    return Q(work=Work.RUNNING) | Q(kind=Run.Kind.CHILD, work=Work.WAITING) | live_child


def _pivot_is_open(saga: Saga) -> bool:
    table = registry.find(saga.definition, saga.version, saga.fingerprint)
    pivots = [step.name for step in table.steps if step.pivot] if table else []
    under_way = Q(work=Work.RUNNING) & ~Q(doing=Doing.DECISION)
    doubtful = Run.objects.filter(~Q(happened=Happened.NO) | under_way, saga_id=saga.pk, path__in=pivots)
    return bool(pivots) and doubtful.exists()
