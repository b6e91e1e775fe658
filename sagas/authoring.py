"""The builders of a saga's table: `saga`, `step`, `parallel`.

Building never raises for what is wrong in a table; `faults` lists that, and `manage.py check` shows it all at once.
"""

from collections.abc import Iterable
from datetime import timedelta

from pydantic import BaseModel

from sagas.definition import Definition, Function, OnExhausted, Parallel, Row, Step
from sagas.retry import PATIENT, STANDARD, Retry


def saga(
    name: str,
    *rows: Row,
    input: type[BaseModel] | None = None,
    version: int = 1,
    deadline: timedelta | None = None,
    owner: str = "",
    runbook: str = "",
) -> Definition:
    """A saga type, from its name and its rows in order.

    `input` is the pydantic model that a start's input must fit; `deadline` turns a saga back that has not ended
    by then; `owner` and `runbook` are shown to whoever is on call.
    """
    good, strays = _sorted(rows)
    return Definition(
        name=name,
        rows=good,
        input=input,
        version=version,
        deadline=deadline,
        owner=owner,
        runbook=runbook,
        strays=strays,
    )


def step(
    action: Function,
    *,
    name: str = "",
    compensation: Function | None = None,
    no_compensation: str = "",
    probe: Function | None = None,
    probe_after: timedelta | None = None,
    probe_is_final: bool = False,
    retry: Retry = STANDARD,
    compensation_retry: Retry = PATIENT,
    timeout: timedelta | None = timedelta(seconds=30),
    total: timedelta | None = timedelta(minutes=15),
    heartbeat: timedelta | None = None,
    queue: str = "sagas",
    on_exhausted: OnExhausted = "compensate",
    idempotent: bool = True,
    optional: bool = False,
    reads_only: bool = False,
) -> Step:
    """A row with one action, a plain function of the context, named after it.

    compensation      undoes it; called with what the action was given, what it returned and what is known of it
    no_compensation   why nothing need be undone, where there is no compensation
    probe             asks the participant whether it happened, `probe_after` (the timeout) after a lost answer:
                      returns the result, raises `Abort` for "it did not", `RetryLater` for "cannot tell"
    probe_is_final    "it did not" also means: a request still on its way would be refused
    retry             how often and how patiently; `compensation_retry` the same for the way back
    timeout, total    the longest one attempt, and all attempts together, may take
    heartbeat         the attempt is given up when it is silent for so long (`ctx.heartbeat()`)
    queue             the Celery queue whose workers run it
    on_exhausted      after the last attempt: "compensate" the saga, "suspend" it for a person, "skip" the step
    idempotent        may it be repeated under the same key after a lost answer? If not: probe, or a person
    optional          its failure does not turn the saga back
    reads_only        it has no effect, so nothing is ever undone
    """
    return Step(
        name=name or getattr(action, "__name__", ""),
        action=action,
        compensation=compensation,
        no_compensation=no_compensation,
        probe=probe,
        probe_after=probe_after,
        probe_is_final=probe_is_final,
        retry=retry,
        compensation_retry=compensation_retry,
        timeout=timeout,
        total=total,
        heartbeat=heartbeat,
        queue=queue,
        on_exhausted=on_exhausted,
        idempotent=idempotent,
        optional=optional,
        reads_only=reads_only,
    )


def parallel(*rows: Row) -> Parallel:
    """Rows that run side by side; the next row begins when all of them have succeeded."""
    good, strays = _sorted(rows)
    return Parallel(rows=good, strays=strays)


def _sorted(given: Iterable[object]) -> tuple[tuple[Row, ...], tuple[str, ...]]:
    """The rows, and the names of what is none."""
    things = list(given)
    rows = tuple(thing for thing in things if isinstance(thing, Step | Parallel))
    strays = (thing for thing in things if not isinstance(thing, Step | Parallel))
    return rows, tuple(getattr(stray, "__name__", None) or repr(stray) for stray in strays)
