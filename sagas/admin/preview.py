"""What a retry is going to do, told before it does it."""

from dataclasses import dataclass, field

from sagas.models import Run, Saga
from sagas.record import clock
from sagas.words import registry
from sagas.words.outcome import Happened
from sagas.words.plan import Undo
from sagas.words.verdict import Doing


@dataclass(frozen=True)
class Trial:
    """One step that will be tried: what exactly is done, and whether that may do something twice."""

    step: str
    sentence: str
    is_risky: bool = False


@dataclass(frozen=True)
class Preview:
    """One saga, with what will be tried, or why nothing will."""

    saga: Saga
    will: list[Trial] = field(default_factory=list)
    refusal: str = ""


def retry(saga: Saga, step: str = "") -> Preview:
    """What `operations.retry` would do now; the saga may move on before somebody decides."""
    if saga.ended_at:
        return Preview(saga, refusal=f"It has ended: it is {saga.state}.")
    runs = list(saga.runs.filter(**({"path": step} if step else {})).retriable(clock.now()).order_by("id"))
    held = [run for run in runs if not run.work]
    if not runs:
        what = f"Step {step} is not" if step else "No step is"
        return Preview(saga, refusal=f"{what} held, stuck or waiting for its next try.")
    return Preview(saga, [_trial(saga, run) for run in held or runs])


def _trial(saga: Saga, run: Run) -> Trial:
    if run.undo == Undo.STUCK or run.doing == Doing.COMPENSATION:
        key = "a new key" if run.undo_again else "the same key"
        return Trial(run.path, f"The compensation of {run.path} is tried again under {key}.")
    if run.work and run.doing == Doing.PROBE:
        return Trial(run.path, f"The participant of {run.path} is asked again whether it happened.")
    if run.happened == Happened.NO:
        return Trial(run.path, f"{run.path} is tried again under a new key: it is known not to have happened.")
    again = f"{run.path} is tried again under the same key: it may have happened"
    if _is_idempotent(saga, run):
        return Trial(run.path, f"{again}, and its participant is to recognise the key.")
    return Trial(run.path, f"{again}, and it is not declared idempotent, so it may happen twice.", is_risky=True)


def _is_idempotent(saga: Saga, run: Run) -> bool:
    definition = registry.find(saga.definition, saga.version, saga.fingerprint)
    place = definition.places.get(run.path) if definition else None
    return place is not None and place.step.idempotent
