"""The builders of a saga's table: `saga` and its rows.

    step       an action and what undoes it          wait       a signal from outside
    parallel   rows side by side                     approval   a person's yes or no
    each       one step for each item of a list      sleep      a while, or until a time
    child      a saga of its own

Every row may say `when=`, a function of the context: where it answers False, the row is skipped. `when`, `accept`,
`items`, `input` and `until` are pure functions of the input and of earlier results.

Building never raises for what is wrong in a table; `faults` lists that, and `manage.py check` shows it all at once.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta

from pydantic import BaseModel

from sagas.words.definition import Definition, OnCompensationStuck
from sagas.words.retry import PATIENT, STANDARD, Retry
from sagas.words.rows import (
    GROUPS,
    LEAVES,
    Approval,
    Child,
    Compensate,
    Each,
    Function,
    OnExhausted,
    OnFailure,
    OnNo,
    OnTimeout,
    Parallel,
    Row,
    Sleep,
    Step,
    Wait,
)


def saga(
    name: str,
    *rows: Row,
    input: type[BaseModel] | None = None,
    version: int = 1,
    deadline: timedelta | None = None,
    on_compensation_stuck: OnCompensationStuck = "block",
    owner: str = "",
    runbook: str = "",
    summary: Function | None = None,
) -> Definition:
    """A saga type, from its name and its rows in order.

    `input` is the pydantic model that a start's input must fit; `deadline` turns a saga back that has not ended
    by then; `on_compensation_stuck` says whether earlier steps wait for a compensation that needs a person ("block")
    or are undone meanwhile ("continue"); `owner` and `runbook` are shown to whoever is on call, and so is the line
    that `summary` makes of the input ("3 books for alice, 45.00 EUR"), a pure function.
    """
    good, strays = _sorted(rows)
    return Definition(
        name=name,
        rows=good,
        input=input,
        version=version,
        deadline=deadline,
        on_compensation_stuck=on_compensation_stuck,
        owner=owner,
        runbook=runbook,
        summary=summary,
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
    participant: str = "",
    on_exhausted: OnExhausted = "compensate",
    on_failure: OnFailure = "compensate",
    idempotent: bool = True,
    optional: bool = False,
    reads_only: bool = False,
    pivot: bool = False,
    local: bool = False,
    when: Function | None = None,
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
    participant       whom it calls, where that is not the service that its code names in `ctx.service("...")`
    on_exhausted      after the last attempt: "compensate" the saga, "suspend" it for a person, "skip" the step
    on_failure        after a refusal: "compensate" the saga, or open an "incident" for a person
    idempotent        may it be repeated under the same key after a lost answer? If not: probe, or a person
    optional          its failure does not turn the saga back
    reads_only        it has no effect, so nothing is ever undone
    pivot             the point of no return: once it succeeded, the saga only goes forward
    local             works in the coordinator's own database, in the transaction that records it
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
        participant=participant,
        on_exhausted=on_exhausted,
        on_failure=on_failure,
        idempotent=idempotent,
        optional=optional,
        reads_only=reads_only,
        pivot=pivot,
        local=local,
        when=when,
    )


def parallel(
    *rows: Row,
    name: str = "",
    join: int | None = None,
    compensate: Compensate = "sequence",
    when: Function | None = None,
) -> Parallel:
    """Rows that run side by side; the next row begins when all of them have succeeded, or `join` of them.

    After the `join`-th success the others are called off, and what they did is undone. `compensate="parallel"` undoes
    the members of the group side by side.
    """
    good, strays = _sorted(rows)
    return Parallel(name=name, rows=good, join=join, compensate=compensate, when=when, strays=strays)


def each(
    name: str,
    row: Step,
    *,
    items: Function | None = None,
    concurrency: int = 5,
    max_failures: int = 0,
    compensate: Compensate = "sequence",
    when: Function | None = None,
) -> Each:
    """One step for each item of a list, at most `concurrency` at a time; the step finds its own in `ctx.item`.

    `items` is a function of the context that returns the list; without it, it is the input's field of that name.
    Up to `max_failures` items may fail: what they may have done is undone at once, their result is `FAILED`.
    """
    strays = () if isinstance(row, Step) else (getattr(row, "name", "") or getattr(row, "__name__", "") or repr(row),)
    return Each(
        name=name,
        step=row,
        items=items,
        concurrency=concurrency,
        max_failures=max_failures,
        compensate=compensate,
        when=when,
        strays=strays,
    )


def wait(
    signal: str,
    *,
    name: str = "",
    schema: type[BaseModel] | None = None,
    accept: Function | None = None,
    timeout: timedelta | None = timedelta(days=1),
    on_timeout: OnTimeout = "compensate",
    on_failure: OnFailure = "compensate",
    queue: str = "sagas",
    when: Function | None = None,
) -> Wait:
    """Waits for a signal of that name, which is the row's name as well unless it has another.

    Its payload, checked by the pydantic model `schema`, is the row's result. `accept(ctx, payload)` may refuse it by
    raising `Abort`, and what it returns, if anything, is the result instead. When nothing came within `timeout`, the
    saga turns back ("compensate") or goes on with `TIMED_OUT` ("continue").
    """
    return Wait(
        name=name or signal,
        signal=signal,
        schema=schema,
        accept=accept,
        timeout=timeout,
        on_timeout=on_timeout,
        on_failure=on_failure,
        queue=queue,
        when=when,
    )


def approval(
    name: str,
    *,
    group: str = "",
    form: type[BaseModel] | None = None,
    timeout: timedelta | None = timedelta(days=1),
    remind: timedelta | None = None,
    on_timeout: OnTimeout = "compensate",
    on_no: OnNo = "compensate",
    on_failure: OnFailure = "compensate",
    queue: str = "sagas",
    when: Function | None = None,
) -> Approval:
    """Waits for a person's yes or no; who, when, why and the values of the `form` are the row's result.

    `group` is the Django group whose members may decide, `remind` how often people are told that it still waits. A no
    turns the saga back (`on_no="compensate"`) or is a result like a yes ("continue").
    """
    return Approval(
        name=name,
        group=group,
        form=form,
        timeout=timeout,
        remind=remind,
        on_timeout=on_timeout,
        on_no=on_no,
        on_failure=on_failure,
        queue=queue,
        when=when,
    )


def sleep(
    duration: timedelta | None = None,
    *,
    name: str,
    until: datetime | Function | None = None,
    queue: str = "sagas",
    when: Function | None = None,
) -> Sleep:
    """Waits for a while, or `until` an aware time or what a function of the context answers. A pause of the saga
    prolongs the first and not the second."""
    return Sleep(name=name, duration=duration, until=until, queue=queue, when=when)


def child(
    definition: Definition,
    *,
    name: str = "",
    input: Function | None = None,
    no_compensation: str = "",
    on_failure: OnFailure = "compensate",
    queue: str = "sagas",
    when: Function | None = None,
) -> Child:
    """A saga of its own, named after its definition; the row succeeds when it completes.

    `input` is a function of the context; without it the child gets its parent's input. When the parent goes back, a
    running child is cancelled and a completed one is undone by its own table, unless `no_compensation` says why not.
    """
    return Child(
        name=name or getattr(definition, "name", ""),
        definition=definition,
        input=input,
        no_compensation=no_compensation,
        on_failure=on_failure,
        queue=queue,
        when=when,
    )


def _sorted(given: Iterable[object]) -> tuple[tuple[Row, ...], tuple[str, ...]]:
    """The rows, and the names of what is none."""
    things = list(given)
    rows = tuple(thing for thing in things if isinstance(thing, LEAVES + GROUPS))
    strays = (thing for thing in things if not isinstance(thing, LEAVES + GROUPS))
    return rows, tuple(getattr(stray, "__name__", None) or repr(stray) for stray in strays)
