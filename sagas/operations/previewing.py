"""What a verb would do: the verb itself, in a transaction that is rolled back."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from importlib import import_module
from typing import Any
from uuid import UUID

from gateway.borrowing import borrowed
from sagas.models import Audit, Callback, Run, Saga, Work
from sagas.models.saga import Going
from sagas.operations.allowing import effects_in_place, why_not_retried
from sagas.operations.difference import in_words
from sagas.operations.second import settled
from sagas.record.commit import commit, roll_back
from sagas.words import registry
from sagas.words.lifecycle import ENDS, SagaState, StepState
from sagas.words.outcome import Happened
from sagas.words.plan import Undo
from sagas.words.results import UNCHANGED
from sagas.words.rows import Approval, Step
from sagas.words.verdict import Doing

VERBS = (
    *("cancel", "compensate", "pause", "resume", "retry", "decide"),
    *("resolve", "skip", "reschedule", "waive", "give_up", "tell_again", "clone"),
)

MOST_EDITS = 30
MOST_STAYING = 5


@dataclass(frozen=True, kw_only=True)
class Preview:
    """What a verb would do: sentences for people, and the state in which the saga would be then."""

    verb: str
    sentences: tuple[str, ...]
    state: str


def preview(verb: str, saga_id: UUID, **arguments: Any) -> Preview:
    """Do what the verb does, look at it, and undo all of it; raises what the verb raises."""
    if verb not in VERBS:
        raise ValueError(f"There is no verb {verb!r} to preview; there are: {', '.join(VERBS)}.")
    act = getattr(import_module("sagas.operations"), verb)
    with borrowed(), commit(), settled():
        deadline = Saga.objects.filter(pk=saga_id).values_list("deadline_at", flat=True).first()
        before = {run.pk: _doing(run) for run in Run.objects.filter(saga_id=saga_id)}
        act(saga_id, **arguments)
        saga = Saga.objects.get(pk=saga_id)
        told = OF_ONE_VERB[verb](saga, **arguments) if verb in OF_ONE_VERB else _sentences(verb, saga, before)
        sentences = [*_edited(saga_id, arguments), *_by_hand(verb, saga, **arguments), *told]
        if saga.deadline_at is not None and saga.deadline_at != deadline:
            sentences.append(f"Its deadline is then {_time(saga.deadline_at)}.")
        roll_back()
    said = tuple(sentences) or (f"Nothing begins by itself; the saga is then {saga.state}.",)
    return Preview(verb=verb, sentences=said, state=saga.state)


def _edited(saga_id: UUID, arguments: Mapping[str, Any]) -> Iterator[str]:
    """What becomes of the input, as the audit would keep it."""
    if arguments.get("input", UNCHANGED) is UNCHANGED:
        return
    entry = Audit.objects.filter(saga_id=saga_id).order_by("-id").first()
    sentences = list(in_words(entry.details.get("diff", {}))) if entry else []
    yield from sentences[:MOST_EDITS]
    if len(sentences) > MOST_EDITS:
        yield f"{len(sentences) - MOST_EDITS} more places of its input become others."


def _by_hand(verb: str, saga: Saga, *, step: str = "", item: int | None = None, **arguments: Any) -> Iterator[str]:
    """What a person says to have done, or to know."""
    name = f"{step}{f'[{item}]' if item else ''}"
    if verb == "waive":
        yield f"{name} counts as undone by hand; nobody is called for it."
    elif verb == "resolve" and arguments.get("landed"):
        yield f"{name} counts as having happened; nobody is called for it."
    elif verb == "resolve":
        yield f"{name} counts as not having happened."
        if saga.state == SagaState.STUCK and not saga.is_going_back:
            yield f"It still needs a person: then retry {name}, under a new key, or skip it, or turn the saga back."


def _answered(saga: Saga, *, step: str, approved: bool, **_: Any) -> Iterator[str]:
    """What a yes or a no comes to, which the saga's next turn takes up."""
    table = registry.find(saga.definition, saga.version, saga.fingerprint)
    row = table.places[step].row if table and step in table.places else None
    if approved:
        yield f"{step} is granted, and the saga goes on."
    elif isinstance(row, Approval) and row.on_no == "continue":
        yield f"{step} is refused, and the saga goes on without it."
    else:
        yield f"{step} is refused, and the saga goes back."
        yield from _undone(list(Run.objects.filter(saga_id=saga.pk)))


def _told(saga: Saga, **_: Any) -> Iterator[str]:
    """What is tried when its end is told again."""
    address = Callback.objects.get(saga_id=saga.pk).address
    yield f"Its end, {saga.state}, is told to {address} within seconds, with all its tries anew."
    yield "The receiver knows it by the webhook-id that it has always had."


OF_ONE_VERB: Mapping[str, Callable[..., Iterator[str]]] = {"decide": _answered, "tell_again": _told}
"""What those verbs do is not to be seen in the runs."""


def _doing(run: Run) -> tuple[int, str | None, datetime | None]:
    return run.fence, run.work, run.at


def _time(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M:%S} UTC"


def _sentences(verb: str, saga: Saga, before: dict[int, tuple[int, str | None, datetime | None]]) -> Iterator[str]:
    runs = list(Run.objects.filter(saga_id=saga.pk).exclude(kind=Run.Kind.MESSAGE).order_by("id"))
    moved = [run for run in runs if before.get(run.pk) != _doing(run)]
    for run in moved:
        if verb == "retry" and run.work == Work.DUE and run.doing == Doing.COMPENSATION:
            yield f"The compensation of {_name(run)} is tried again."
        elif run.work == Work.DUE and run.doing in (Doing.ACTION, Doing.PROBE, Doing.DECISION):
            yield from _runs_again(saga, run)
        elif run.work == Work.WAITING and run.doing != Doing.COMPENSATION:
            until = f" until {_time(run.at)}" if run.at and run.at.year < 9999 else ""
            yield f"{_name(run)} waits{until}."
    for run in runs:
        if run.work == Work.RUNNING and saga.going == Going.BACK:
            yield f"{_name(run)} is under way; its answer is awaited first."
    if saga.going == Going.BACK and not saga.ended_at:
        yield from _undone(runs)
    if verb == "retry":
        yield from _stays(runs) if saga.going == Going.FORWARD else ()
        yield from _left(saga, [run for run in runs if run not in moved])
    if verb == "pause":
        yield "Nothing new begins; what runs is recorded, and signals are kept."
    if saga.state in ENDS and verb != "clone":
        yield f"The saga ends: {saga.state}."
    if verb == "give_up":
        left = ", ".join(_name(run) for run in effects_in_place(saga))
        yield f"These effects are left in place: {left}." if left else "No effects are left in place."
    if verb == "clone":
        yield "A new saga begins at its first row."


def _runs_again(saga: Saga, run: Run) -> Iterator[str]:
    verb = {Doing.PROBE: "is asked after", Doing.DECISION: "is decided again"}.get(Doing(run.doing), "runs")
    key = "under a new key" if run.happened == Happened.NO else "under the same key"
    yield f"{_name(run)} {verb}{f', {key}' if run.doing == Doing.ACTION and run.started_at else ''}."
    table = registry.find(saga.definition, saga.version, saga.fingerprint)
    row = table.places[run.path].row if table else None
    if isinstance(row, Step) and not row.idempotent and run.doing == Doing.ACTION:
        yield f"{_name(run)} is not idempotent: it must not have happened already."
    elif run.doing == Doing.ACTION and run.happened == Happened.MAYBE:
        yield f"Should {_name(run)} have happened already, its participant knows that by the key."


def _stays(runs: list[Run]) -> Iterator[str]:
    """What a retry leaves as it is."""
    done = [_name(run) for run in runs if run.state == StepState.SUCCEEDED and run.undo == Undo.OWED]
    more = f" and {len(done) - MOST_STAYING} more" if len(done) > MOST_STAYING else ""
    if done:
        yield f"{', '.join(done[:MOST_STAYING])}{more} {'stays' if len(done) == 1 else 'stay'} as done."


def _left(saga: Saga, runs: list[Run]) -> Iterator[str]:
    """What a retry of everything does not try."""
    for run in runs:
        if (run.held or run.undo == Undo.STUCK) and (why_not := why_not_retried(saga, run)):
            yield f"{_name(run)} needs a person as before. {why_not[0]}"


def _undone(runs: list[Run]) -> Iterator[str]:
    unsettled = sorted((run for run in runs if run.undo in UNDONE and run.seq), key=lambda run: -(run.seq or 0))
    shown = ", ".join(_name(run) for run in unsettled[:20])
    more = f" and {len(unsettled) - 20} more" if len(unsettled) > 20 else ""
    yield f"Undone, in this order: {shown}{more}." if unsettled else "Nothing is left to undo."


UNDONE = ("owed", "due", "running", "stuck")


def _name(run: Run) -> str:
    return f"{run.path}[{run.item}]" if run.item else run.path
