"""A saga's table: rows, and the builders that make them.

A definition is a value. Building one never raises for what is wrong in it: `Definition.problems()` lists the
faults as sentences, and `manage.py check` shows them all at once.
"""

import hashlib
import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cached_property
from typing import Any, Literal

from pydantic import BaseModel

from sagas.retry import PATIENT, STANDARD, Retry

Function = Callable[..., Any]
OnExhausted = Literal["compensate", "suspend", "skip"]
NAME = re.compile(r"[a-z][a-z0-9_]{0,62}")


@dataclass(frozen=True, kw_only=True)
class Step:
    """One action at a participant and, on the same row, what undoes it. Built by `step`."""

    name: str
    action: Function
    compensation: Function | None = None
    no_compensation: str = ""
    probe: Function | None = None
    probe_after: timedelta | None = None
    probe_is_final: bool = False
    retry: Retry = STANDARD
    compensation_retry: Retry = PATIENT
    timeout: timedelta | None = timedelta(seconds=30)
    total: timedelta | None = timedelta(minutes=15)
    heartbeat: timedelta | None = None
    queue: str = "sagas"
    on_exhausted: OnExhausted = "compensate"
    idempotent: bool = True
    optional: bool = False
    reads_only: bool = False

    @property
    def owes(self) -> bool:
        """Does claiming this step promise a compensation?"""
        return self.compensation is not None and not self.reads_only

    @property
    def exhausted(self) -> OnExhausted:
        """What running out of attempts means; an optional step is skipped unless it says otherwise."""
        return "skip" if self.optional and self.on_exhausted == "compensate" else self.on_exhausted

    def shape(self) -> list[Any]:
        return ["step", self.name, self.compensation is not None, self.probe is not None, self.reads_only]


@dataclass(frozen=True, kw_only=True)
class Parallel:
    """Rows that run side by side. Built by `parallel`."""

    rows: tuple["Row", ...]

    def shape(self) -> list[Any]:
        return ["parallel", [row.shape() for row in self.rows]]


Row = Step | Parallel


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where a step stands: its top-level row, and the groups around it from the outside in."""

    step: Step
    row: int
    groups: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Definition:
    """A saga type: a name, a version and a table of rows. Built by `saga`."""

    name: str
    rows: tuple[Row, ...]
    version: int = 1
    input: type[BaseModel] | None = None
    deadline: timedelta | None = None
    owner: str = ""
    runbook: str = ""
    strays: tuple[str, ...] = field(default=(), repr=False)

    @cached_property
    def places(self) -> Mapping[str, Place]:
        """Every step by its name."""
        return {place.step.name: place for place in self._walk()}

    @cached_property
    def sizes(self) -> Mapping[str, int]:
        """How many members each group has, by the group's path ("2", "2.0")."""
        found: dict[str, int] = {}
        for index, row in enumerate(self.rows):
            _measure(row, str(index), found)
        return found

    @cached_property
    def fingerprint(self) -> str:
        """Names, order and shapes of the rows as 16 hex digits; the bodies of functions may change freely."""
        shape = json.dumps([row.shape() for row in self.rows], separators=(",", ":"))
        return hashlib.sha256(shape.encode()).hexdigest()[:16]

    @property
    def queues(self) -> frozenset[str]:
        return frozenset(place.step.queue for place in self.places.values())

    def steps_of(self, row: int) -> list[str]:
        """The names of the steps that begin when a top-level row opens."""
        return [place.step.name for place in self._walk() if place.row == row]

    def problems(self) -> list[str]:
        """Everything that is wrong in this table, a sentence each, with what to do about it."""
        return list(self._problems())

    def _walk(self) -> Iterator[Place]:
        for index, row in enumerate(self.rows):
            yield from _places(row, index, str(index), ())

    def _problems(self) -> Iterator[str]:
        title = f"saga {self.name!r} version {self.version}"
        if not isinstance(self.name, str) or not NAME.fullmatch(self.name):
            yield f"{title}: the name must be lower-case letters, digits and underscores, such as 'order'."
        if not isinstance(self.version, int) or self.version < 1:
            yield f"{title}: the version must be a whole number from 1."
        if not self.rows and not self.strays:
            yield f"{title}: the table is empty; give it at least one step(...)."
        for stray in self.strays:
            yield f"{title}: {stray} is not a row; wrap a function as step(function)."
        if self.input is not None and not (isinstance(self.input, type) and issubclass(self.input, BaseModel)):
            yield f"{title}: input= must be a pydantic model class, not {self.input!r}."
        if self.deadline is not None and not _is_bound(self.deadline):
            yield f"{title}: the deadline must be a timedelta longer than nothing, not {self.deadline!r}."
        yield from self._twins(title)
        for group, size in self.sizes.items():
            if size < 2:
                yield f"{title}: parallel(...) at row {group} has fewer than two rows; write its row alone."
        for place in self._walk():
            yield from (f"{title}, step {place.step.name!r}: {fault}" for fault in _faults(place.step))

    def _twins(self, title: str) -> Iterator[str]:
        names = [place.step.name for place in self._walk()]
        for name in sorted({name for name in names if names.count(name) > 1}):
            yield f"{title}: two rows are named {name!r}; give one of them another name=."


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
    good = tuple(row for row in rows if isinstance(row, Step | Parallel))
    strays = [_title(row) for row in rows if not isinstance(row, Step | Parallel)]
    strays += [name for row in good for name in _strays(row)]
    good = tuple(_without_strays(row) for row in good)
    return Definition(
        name=name,
        rows=good,
        input=input,
        version=version,
        deadline=deadline,
        owner=owner,
        runbook=runbook,
        strays=tuple(strays),
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
    return Parallel(rows=rows)


def _places(row: Row, top: int, path: str, groups: tuple[str, ...]) -> Iterator[Place]:
    if isinstance(row, Step):
        yield Place(step=row, row=top, groups=groups)
        return
    for index, member in enumerate(row.rows):
        yield from _places(member, top, f"{path}.{index}", (*groups, path))


def _measure(row: Row, path: str, found: dict[str, int]) -> None:
    if isinstance(row, Parallel):
        found[path] = len(row.rows)
        for index, member in enumerate(row.rows):
            _measure(member, f"{path}.{index}", found)


def _strays(row: Row) -> list[str]:
    if isinstance(row, Step):
        return []
    inner = [name for member in row.rows if isinstance(member, Step | Parallel) for name in _strays(member)]
    return [_title(member) for member in row.rows if not isinstance(member, Step | Parallel)] + inner


def _without_strays(row: Row) -> Row:
    if isinstance(row, Step):
        return row
    return Parallel(rows=tuple(_without_strays(member) for member in row.rows if isinstance(member, Step | Parallel)))


def _title(thing: object) -> str:
    return getattr(thing, "__name__", None) or repr(thing)


def _faults(step: Step) -> Iterator[str]:
    if not isinstance(step.name, str) or not NAME.fullmatch(step.name):
        yield "the name must be lower-case letters, digits and underscores; give it a name=."
    for word in ("action", "compensation", "probe"):
        function = getattr(step, word)
        if function is not None and not callable(function):
            yield f"{word} must be a function of the context, not {function!r}."
    yield from _faults_of_undoing(step)
    yield from _faults_of_bounds(step)
    if step.on_exhausted not in ("compensate", "suspend", "skip"):
        yield f"on_exhausted must be 'compensate', 'suspend' or 'skip', not {step.on_exhausted!r}."
    if step.on_exhausted == "skip" and not step.optional:
        yield "on_exhausted='skip' is for optional steps; add optional=True."
    if step.probe is None and (step.probe_after is not None or step.probe_is_final):
        yield "probe_after and probe_is_final speak of a probe; give it a probe=."
    if not isinstance(step.queue, str) or not step.queue:
        yield "queue must be the name of a Celery queue."


def _faults_of_undoing(step: Step) -> Iterator[str]:
    if step.reads_only and (step.compensation or step.no_compensation):
        yield "a step that only reads is never compensated; drop compensation= or reads_only=True."
    if step.compensation and step.no_compensation:
        yield "it has a compensation and a reason for having none; drop one of the two."
    if not (step.compensation or step.no_compensation or step.reads_only):
        yield (
            "nothing says how it is undone; give it a compensation=, or no_compensation='why none is needed', "
            "or reads_only=True."
        )


def _faults_of_bounds(step: Step) -> Iterator[str]:
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
        yield from (f"{word}{fault}" for fault in _faults_of_retry(getattr(step, word)))


def _faults_of_retry(policy: object) -> Iterator[str]:
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
