"""The kinds of rows that a saga's table is made of. Built by `sagas.words.authoring`.

    Step       one action at a participant and, on the same row, what undoes it
    Wait       a signal from outside
    Approval   a person's yes or no
    Sleep      a while, or until a time
    Child      a saga of its own
    Parallel   rows side by side
    Each       one step for each item of a list

A group (`Parallel`, `Each`) has no work of its own; the others are leaves.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pydantic import BaseModel

from sagas.words.participants import called_by
from sagas.words.retry import PATIENT, STANDARD, Retry

if TYPE_CHECKING:
    from sagas.words.definition import Definition

Function = Callable[..., Any]
OnExhausted = Literal["compensate", "suspend", "skip"]
OnFailure = Literal["compensate", "incident"]
OnTimeout = Literal["compensate", "continue"]
OnNo = Literal["compensate", "continue"]
Compensate = Literal["sequence", "parallel"]


@dataclass(frozen=True, kw_only=True)
class Step:
    """One action at a participant and, on the same row, what undoes it."""

    kind: ClassVar = "step"

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
    participant: str = ""
    on_exhausted: OnExhausted = "compensate"
    on_failure: OnFailure = "compensate"
    idempotent: bool = True
    optional: bool = False
    reads_only: bool = False
    pivot: bool = False
    local: bool = False
    when: Function | None = None

    def calls(self, function: Function | None) -> tuple[str, ...]:
        """The participants that one of its functions calls: the one that the step names, else those in its code."""
        return (self.participant,) if self.participant else called_by(function)

    @property
    def participants(self) -> tuple[str, ...]:
        """All that it may call: its action, its compensation or its probe."""
        named = (name for each in (self.action, self.compensation, self.probe) if each for name in self.calls(each))
        return tuple(dict.fromkeys(named))

    @property
    def owes(self) -> bool:
        """Does claiming this step promise a compensation?"""
        return self.compensation is not None and not self.reads_only

    @property
    def exhausted(self) -> OnExhausted:
        """What running out of attempts means; an optional step is skipped unless it says otherwise."""
        return "skip" if self.optional and self.on_exhausted == "compensate" else self.on_exhausted

    @property
    def asks(self) -> bool:
        """Must a function of the team be asked before the row can begin?"""
        return self.when is not None

    def shape(self) -> list[Any]:
        marks = [word for word in ("pivot", "local") if getattr(self, word)]
        return ["step", self.name, self.compensation is not None, self.probe is not None, self.reads_only, *marks]


@dataclass(frozen=True, kw_only=True)
class Wait:
    """Waits for a signal of its name."""

    kind: ClassVar = "wait"
    owes: ClassVar = False

    name: str
    signal: str
    schema: type[BaseModel] | None = None
    accept: Function | None = None
    timeout: timedelta | None = timedelta(days=1)
    on_timeout: OnTimeout = "compensate"
    on_failure: OnFailure = "compensate"
    queue: str = "sagas"
    when: Function | None = None

    @property
    def asks(self) -> bool:
        return self.when is not None

    def shape(self) -> list[Any]:
        return ["wait", self.name, self.signal, self.on_timeout]


@dataclass(frozen=True, kw_only=True)
class Approval:
    """Waits for a person's yes or no."""

    kind: ClassVar = "approval"
    owes: ClassVar = False

    name: str
    group: str = ""
    form: type[BaseModel] | None = None
    timeout: timedelta | None = timedelta(days=1)
    remind: timedelta | None = None
    on_timeout: OnTimeout = "compensate"
    on_no: OnNo = "compensate"
    on_failure: OnFailure = "compensate"
    queue: str = "sagas"
    when: Function | None = None

    @property
    def asks(self) -> bool:
        return self.when is not None

    def shape(self) -> list[Any]:
        return ["approval", self.name, self.on_timeout, self.on_no]


@dataclass(frozen=True, kw_only=True)
class Sleep:
    """Waits for a while, or until a time."""

    kind: ClassVar = "sleep"
    owes: ClassVar = False
    on_failure: ClassVar[OnFailure] = "compensate"

    name: str
    duration: timedelta | None = None
    until: datetime | Function | None = None
    queue: str = "sagas"
    when: Function | None = None

    @property
    def asks(self) -> bool:
        return self.when is not None or callable(self.until)

    def shape(self) -> list[Any]:
        return ["sleep", self.name]


@dataclass(frozen=True, kw_only=True)
class Child:
    """A saga of its own; completed, it is undone by its own table."""

    kind: ClassVar = "child"

    name: str
    definition: "Definition"
    input: Function | None = None
    no_compensation: str = ""
    on_failure: OnFailure = "compensate"
    queue: str = "sagas"
    when: Function | None = None

    @property
    def owes(self) -> bool:
        return not self.no_compensation

    @property
    def asks(self) -> bool:
        return True

    def shape(self) -> list[Any]:
        return ["child", self.name, self.definition.name, self.definition.version, self.owes]


@dataclass(frozen=True, kw_only=True)
class Parallel:
    """Rows that run side by side; `join` of them must succeed, all when it is None."""

    kind: ClassVar = "group"

    name: str = ""
    rows: tuple["Row", ...]
    join: int | None = None
    compensate: Compensate = "sequence"
    when: Function | None = None
    strays: tuple[str, ...] = field(default=(), repr=False)
    """What was given as a row and is none."""

    @property
    def asks(self) -> bool:
        return self.when is not None

    @property
    def queue(self) -> str:
        return self.rows[0].queue

    def shape(self) -> list[Any]:
        join = [] if self.join is None else [self.join]
        name = [self.name] if self.name else []
        return ["parallel", [row.shape() for row in self.rows], *join, *name]


@dataclass(frozen=True, kw_only=True)
class Each:
    """One step for each item of a list, at most `concurrency` of them at a time."""

    kind: ClassVar = "group"

    name: str
    step: Step
    items: Function | None = None
    concurrency: int = 5
    max_failures: int = 0
    compensate: Compensate = "sequence"
    when: Function | None = None
    strays: tuple[str, ...] = field(default=(), repr=False)

    @property
    def rows(self) -> tuple["Row", ...]:
        return (self.step,) if isinstance(self.step, Step) else ()

    @property
    def asks(self) -> bool:
        return True

    @property
    def queue(self) -> str:
        return self.step.queue

    def shape(self) -> list[Any]:
        return ["each", self.name, *(row.shape() for row in self.rows)]


Leaf = Step | Wait | Approval | Sleep | Child
Group = Parallel | Each
Row = Leaf | Group
LEAVES = (Step, Wait, Approval, Sleep, Child)
GROUPS = (Parallel, Each)
