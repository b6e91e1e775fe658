"""What is wrong in a definition, in sentences that say what to do about it."""

import re
from collections.abc import Iterator
from datetime import timedelta

from pydantic import BaseModel

from sagas.definition import Definition, Parallel, Row, Step
from sagas.retry import Retry

NAME = re.compile(r"[a-z][a-z0-9_]{0,62}")


def faults_of(definition: Definition) -> list[str]:
    """Everything that is wrong in a table, a sentence each."""
    title = f"saga {definition.name!r} version {definition.version}"
    steps = [place.step for place in definition.walk()]
    of_table = (f"{title}: {fault}" for fault in (*_of_header(definition), *_of_rows(definition)))
    return [*of_table, *(f"{title}, step {step.name!r}: {fault}" for step in steps for fault in _of_step(step))]


def _of_rows(definition: Definition) -> Iterator[str]:
    for stray in _strays(definition):
        yield f"{stray} is not a row; wrap a function as step(function)."
    for group, size in definition.sizes.items():
        if size < 2:
            yield f"parallel(...) at row {group} has fewer than two rows; write its row alone."
    names = [place.step.name for place in definition.walk()]
    for name in sorted({name for name in names if names.count(name) > 1}):
        yield f"two rows are named {name!r}; give one of them another name=."


def _of_header(definition: Definition) -> Iterator[str]:
    if not isinstance(definition.name, str) or not NAME.fullmatch(definition.name):
        yield "the name must be lower-case letters, digits and underscores, such as 'order'."
    if not isinstance(definition.version, int) or definition.version < 1:
        yield "the version must be a whole number from 1."
    if not definition.rows and not definition.strays:
        yield "the table is empty; give it at least one step(...)."
    model = definition.input
    if model is not None and not (isinstance(model, type) and issubclass(model, BaseModel)):
        yield f"input= must be a pydantic model class, not {model!r}."
    if definition.deadline is not None and not _is_bound(definition.deadline):
        yield f"the deadline must be a timedelta longer than nothing, not {definition.deadline!r}."


def _strays(group: Definition | Row) -> Iterator[str]:
    if isinstance(group, Definition | Parallel):
        yield from group.strays
        for row in group.rows:
            yield from _strays(row)


def _of_step(step: Step) -> Iterator[str]:
    if not isinstance(step.name, str) or not NAME.fullmatch(step.name):
        yield "the name must be lower-case letters, digits and underscores; give it a name=."
    for word in ("action", "compensation", "probe"):
        function = getattr(step, word)
        if function is not None and not callable(function):
            yield f"{word} must be a function of the context, not {function!r}."
    yield from _of_undoing(step)
    yield from _of_bounds(step)
    if step.on_exhausted not in ("compensate", "suspend", "skip"):
        yield f"on_exhausted must be 'compensate', 'suspend' or 'skip', not {step.on_exhausted!r}."
    if step.on_exhausted == "skip" and not step.optional:
        yield "on_exhausted='skip' is for optional steps; add optional=True."
    if step.probe is None and (step.probe_after is not None or step.probe_is_final):
        yield "probe_after and probe_is_final speak of a probe; give it a probe=."
    if not isinstance(step.queue, str) or not step.queue:
        yield "queue must be the name of a Celery queue."


def _of_undoing(step: Step) -> Iterator[str]:
    if step.reads_only and (step.compensation or step.no_compensation):
        yield "a step that only reads is never compensated; drop compensation= or reads_only=True."
    if step.compensation and step.no_compensation:
        yield "it has a compensation and a reason for having none; drop one of the two."
    if not (step.compensation or step.no_compensation or step.reads_only):
        yield (
            "nothing says how it is undone; give it a compensation=, or no_compensation='why none is needed', "
            "or reads_only=True."
        )


def _of_bounds(step: Step) -> Iterator[str]:
    for word in ("timeout", "total"):
        bound = getattr(step, word)
        if bound is None:
            yield f"{word}=None would let it run for ever; give it a timedelta."
        elif not _is_bound(bound):
            yield f"{word} must be a timedelta longer than nothing, not {bound!r}."
    for word in ("heartbeat", "probe_after"):
        bound = getattr(step, word)
        if bound is not None and not _is_bound(bound):
            yield f"{word} must be a timedelta longer than nothing, not {bound!r}."
    for word in ("retry", "compensation_retry"):
        yield from (f"{word}{fault}" for fault in _of_retry(getattr(step, word)))


def _of_retry(policy: object) -> Iterator[str]:
    if not isinstance(policy, Retry):
        yield f" must be a Retry(...), not {policy!r}."
        return
    if policy.attempts is None:
        yield ": attempts=None never gives up; give it a number."
    elif not isinstance(policy.attempts, int) or policy.attempts < 1:
        yield f": attempts must be a whole number from 1, not {policy.attempts!r}."
    if not (isinstance(policy.first, timedelta) and isinstance(policy.longest, timedelta)):
        yield ": first and longest must be timedeltas."
    elif policy.first < timedelta(0) or policy.longest < policy.first or policy.factor < 1:
        yield ": 0 <= first <= longest and factor >= 1 must hold."


def _is_bound(value: object) -> bool:
    return isinstance(value, timedelta) and value > timedelta(0)
