"""Which verbs fit a saga as it stands."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from uuid import UUID

from sagas.models import Run, Saga
from sagas.operations.facts import Facts, children_given_up, is_never_repeated, owed_once_more, pivots_of
from sagas.operations.in_hand import InHand
from sagas.record.snapshot import Snapshot
from sagas.words import registry
from sagas.words.lifecycle import SagaState
from sagas.words.outcome import Happened


def allowed(saga: Saga, snapshot: Snapshot | None = None) -> list[str]:
    """The verbs that fit the saga as it stands, in the order of the contract."""
    if snapshot is None:
        return allowed_of_each([saga])[saga.pk]
    return list((_of_ended if saga.ended_at else _of_live)(saga, InHand(snapshot)))


def allowed_of_each(sagas: Iterable[Saga]) -> Mapping[UUID, list[str]]:
    """The verbs that fit each of them; as many statements for many as for one."""
    found = list(sagas)
    facts = Facts(found)
    return {saga.pk: list((_of_ended if saga.ended_at else _of_live)(saga, facts)) for saga in found}


def effects_in_place(saga: Saga) -> list[Run]:
    """The runs whose effect is there, or may be, and is not undone; those that only read have none."""
    table = registry.find(saga.definition, saga.version, saga.fingerprint)
    reading = {step.name for step in table.steps if step.reads_only} if table else set()
    return [run for run in Run.objects.filter(saga_id=saga.pk).in_place().order_by("seq") if run.path not in reading]


def is_pivot(saga: Saga, path: str) -> bool:
    """Is it the saga's point of no return?"""
    return path in pivots_of(saga)


def why_not_reopened(saga: Saga) -> tuple[str, str] | None:
    """Why a saga that was given up cannot go on, and a code; None when it can."""
    return Facts([saga]).closed_for_good.get(saga.pk)


def why_not_retried(saga: Saga, run: Run) -> tuple[str, str] | None:
    """Why a row that needs a person is not tried again, and a code; None when it is."""
    if run.kind == Run.Kind.CHILD and (born := children_given_up([run.pk]).get(run.pk)):
        # A second one would do what the first may have done.
        return f"Retry saga {born.pk} instead, the child that was given up.", "retry_the_child"
    if run.held and is_never_repeated(saga, run.path, run.happened, run.code):
        return f"{run.path} has happened and is never repeated; skip it, and supply its result.", "happened"
    return None


def owed_after_the_end(saga: Saga) -> list[Run]:
    """Of a saga that has ended: what landed after all, or could not be undone then, and can be undone once more."""
    return list(Run.objects.filter(owed_once_more([saga.pk]), saga_id=saga.pk).order_by("id"))


def _of_ended(saga: Saga, facts: Facts) -> Iterator[str]:
    was_given_up = saga.state == SagaState.FAILED
    if saga.pk not in facts.closed_for_good if was_given_up else saga.pk in facts.undone_once_more:
        yield "retry"
    if saga.pk in facts.stuck or saga.pk in facts.late:
        yield "waive"
    if saga.pk in facts.untold:
        yield "tell_again"
    yield "clone"


def _of_live(saga: Saga, facts: Facts) -> Iterator[str]:
    yield "signal"
    if saga.pk in facts.awaiting_people:
        yield "decide"
    can_go_back = not saga.is_going_back and not saga.committed_at and saga.pk not in facts.at_the_pivot
    if can_go_back:
        yield "cancel"
    yield "resume" if saga.paused_at else "pause"
    if saga.pk in facts.retriable:
        yield "retry"
    if saga.pk in facts.resolvable:
        yield "resolve"
    if _can_be_skipped(saga, facts.held.get(saga.pk, ())):
        yield "skip"
    if (saga.deadline_at and not saga.is_going_back) or saga.pk in facts.movable:
        yield "reschedule"
    if can_go_back and saga.state != SagaState.PENDING:
        yield "compensate"
    if saga.open_incidents and (saga.pk in facts.stuck or saga.pk in facts.late):
        yield "waive"
    if saga.open_incidents and saga.state != SagaState.PENDING and saga.pk not in facts.under_way:
        yield "give_up"


def _can_be_skipped(saga: Saga, held: Sequence[tuple[str, str]]) -> bool:
    pivots = pivots_of(saga)
    return any(happened != Happened.MAYBE or path not in pivots for path, happened in held)
