"""An attempt as it is seen from outside: what its log lines say, what is counted of it, and its span."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache

from structlog.contextvars import bound_contextvars

from gateway import tracing
from gateway.trace import id_of
from sagas.record import counted
from sagas.record.attempts import Claim
from sagas.words.outcome import Outcome, Probed
from sagas.words.verdict import Doing

FIRST = 2
"""The `rev` of a saga whose first step has just been taken, and nothing else has happened to it."""


def taken(held: Claim) -> None:
    """A worker has taken a step that was due: after which wait, and, of a saga's first, after which time."""
    if held.due_at is not None:
        counted.QUEUE_SECONDS.observe((held.at - held.due_at).total_seconds(), held.run.queue)
    if held.saga.rev == FIRST and held.saga.start_at is None:
        counted.START_SECONDS.observe((held.at - held.saga.created_at).total_seconds(), held.saga.definition)


@contextmanager
def slice_of(held: Claim) -> Iterator[None]:
    """What a worker does of a saga in one go is one span, in the trace that the saga keeps."""
    attributes = {"saga.id": str(held.saga.pk), "saga.definition": held.saga.definition}
    with tracing.span(held.saga.definition, held.saga.traceparent, attributes, kind="consumer"):
        yield


@contextmanager
def attempt(held: Claim) -> Iterator[None]:
    """Within this context all log lines, a team's own as well, say which attempt they are about; it is one span."""
    saga, run = held.saga, held.run
    tries = run.asks if run.doing == Doing.PROBE else run.tries
    fields: dict[str, str | int] = {"saga": str(saga.pk), "definition": saga.definition, "step": run.path}
    fields |= {"attempt": tries, "doing": run.doing}
    if run.item:
        fields["item"] = run.item
    trace = {"trace": id_of(saga.traceparent)} if saga.traceparent else {}
    with bound_contextvars(**fields, **trace):
        if not tracing.is_on():
            yield
            return
        undoing = "" if run.doing == Doing.ACTION else f" {run.doing}"
        attributes = {"saga.id" if name == "saga" else f"saga.{name}": value for name, value in fields.items()}
        with tracing.span(f"{saga.definition}/{run.path}{undoing}", saga.traceparent, attributes):
            yield


def came_to(held: Claim, outcome: Outcome, seconds: float) -> None:
    """The attempt's own work is over."""
    name, code, run = outcome_name(outcome), getattr(outcome, "code", ""), held.run
    counted.ATTEMPTS.add(held.saga.definition, run.path, run.doing, name)
    counted.ATTEMPT_SECONDS.observe(seconds, held.saga.definition, run.path, run.doing)
    said = {"saga.outcome": name} | ({"saga.code": code} if code else {})
    tracing.note(said, failed=bool(getattr(outcome, "error", "")))


def outcome_name(outcome: Outcome) -> str:
    """`NotNow` → `not_now`; of a probe what it says: `landed`, `not_landed`, `cannot_tell`."""
    if isinstance(outcome, Probed):
        return {True: "landed", False: "not_landed", None: "cannot_tell"}[outcome.landed]
    return _snake(type(outcome).__name__)


@cache
def _snake(name: str) -> str:
    return re.sub(r"(?<!^)(?=[A-Z])", "_", name).lower()
