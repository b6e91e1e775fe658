"""What is wrong in one row, whatever stands around it."""

import re
from collections.abc import Iterator
from datetime import datetime

from sagas.words.definition import Definition
from sagas.words.faults.functions import of_function, of_functions
from sagas.words.faults.values import (
    is_count,
    of_bounds,
    of_counts,
    of_models,
    of_name,
    of_policies,
    of_times,
    of_words,
)
from sagas.words.rows import GROUPS, Approval, Child, Each, Parallel, Row, Sleep, Step, Wait

QUEUE = re.compile(r"[^:,\s]{1,100}")
"""A colon begins the name of a lane, and a comma separates the queues of a worker's -Q."""


def kind_of(row: Row) -> str:
    """The word with which authors write the row."""
    return type(row).__name__.lower()


def of_row(row: Row) -> Iterator[str]:
    if row.name != "" or not isinstance(row, Parallel):
        yield from of_name(row.name, "give it a name=")
    yield from of_words(row)
    yield from of_functions(row, "when")
    if not isinstance(row, GROUPS) and not (isinstance(row.queue, str) and QUEUE.fullmatch(row.queue)):
        yield "queue must be the name of a Celery queue: 100 characters at most, without colons, commas and spaces."
    match row:
        case Step():
            yield from _of_step(row)
        case Wait():
            yield from _of_wait(row)
        case Approval():
            yield from _of_approval(row)
        case Sleep():
            yield from _of_sleep(row)
        case Child():
            yield from _of_child(row)
        case Parallel():
            yield from _of_parallel(row)
        case Each():
            yield from _of_each(row)


def _of_step(step: Step) -> Iterator[str]:
    yield from of_function("action", step.action)
    yield from of_functions(step, "compensation", "probe")
    yield from of_bounds(step, "timeout", "total")
    yield from of_times(step, "heartbeat", "probe_after")
    yield from of_policies(step, "retry", "compensation_retry")
    if step.on_exhausted == "skip" and not step.optional:
        yield "on_exhausted='skip' is for optional steps; add optional=True."
    if step.probe is None and (step.probe_after is not None or step.probe_is_final):
        yield "probe_after and probe_is_final speak of a probe; give it a probe=."
    if step.local and (step.probe is not None or step.heartbeat is not None):
        yield "a local step is never in doubt and runs in one transaction; drop probe= and heartbeat=."
    if step.reads_only and (step.compensation or step.no_compensation):
        yield "a step that only reads is never compensated; drop compensation= or reads_only=True."
    if step.compensation and step.no_compensation:
        yield "it has a compensation and a reason for having none; drop one of the two."
    if step.pivot:
        yield from _of_pivot(step)


def _of_pivot(step: Step) -> Iterator[str]:
    if step.compensation:
        yield (
            "a saga goes back only when its pivot is known not to have happened, so a compensation of the pivot would "
            "never run; drop compensation=."
        )
    if step.optional or step.reads_only:
        yield "the point of no return has an effect that must happen; drop pivot=True, or optional= and reads_only=."


def _of_wait(row: Wait) -> Iterator[str]:
    if row.signal != row.name:
        yield from of_name(row.signal, "so must the signal's be")
    yield from of_bounds(row, "timeout")
    yield from of_functions(row, "accept")
    yield from of_models(row, "schema")


def _of_approval(row: Approval) -> Iterator[str]:
    if not isinstance(row.group, str):
        yield f"group must be the name of a group of users, not {row.group!r}."
    yield from of_bounds(row, "timeout")
    yield from of_times(row, "remind")
    yield from of_models(row, "form")


def _of_sleep(row: Sleep) -> Iterator[str]:
    if (row.duration is None) == (row.until is None):
        yield "say either how long, sleep(timedelta(...)), or until when, sleep(until=...)."
    yield from of_times(row, "duration")
    if isinstance(row.until, datetime):
        if row.until.tzinfo is None:
            yield "until needs a time zone, such as datetime(..., tzinfo=UTC)."
    elif callable(row.until):
        yield from of_function("until", row.until)
    elif row.until is not None:
        yield f"until must be an aware datetime or a function of the context, not {row.until!r}."


def _of_child(row: Child) -> Iterator[str]:
    yield from of_functions(row, "input")
    if not isinstance(row.definition, Definition):
        yield f"child(...) takes a definition made by saga(...), not {row.definition!r}."


def _of_parallel(row: Parallel) -> Iterator[str]:
    if len(row.rows) < 2 and not row.strays:
        yield "it has fewer than two rows; write its row alone."
    if row.join is not None and not (is_count(row.join, 1) and row.join <= len(row.rows)):
        yield f"join, how many of its rows must succeed, is a number from 1 to {len(row.rows)}, not {row.join!r}."


def _of_each(row: Each) -> Iterator[str]:
    yield from of_counts(row, concurrency=1, max_failures=0)
    yield from of_functions(row, "items")
    for stray in row.strays:
        yield f"{stray} is not a step; an each(...) repeats one step(function)."
