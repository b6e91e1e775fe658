"""What becomes of a saga when any one thing goes wrong for ever: `failure_matrix`."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from rich.console import Console
from rich.table import Table

from sagas.errors import Abort, RetryLater
from sagas.models import Incident, Run
from sagas.testing.beginning import begin
from sagas.testing.cues import Cue, Kind
from sagas.testing.failure import a_list
from sagas.testing.journey import family, forgotten, travel
from sagas.testing.participants import Participant
from sagas.testing.reading import moved, once
from sagas.testing.script import EVERY
from sagas.testing.story import Story
from sagas.testing.world import World
from sagas.words.definition import Definition
from sagas.words.lifecycle import StepState
from sagas.words.results import TIMED_OUT
from sagas.words.rows import Approval, Child, Each, Step, Wait
from sagas.words.verdict import Doing

NOT_REACHED = "not reached"


@dataclass(frozen=True, kw_only=True)
class Cell:
    """One thing that goes wrong at one row, and what becomes of the saga.

    `state` is where it ends, or stands when it needs a person; `undone` the steps that were undone, in order;
    `incidents` what needs a person, as (row, reason).
    """

    row: str
    failure: str
    state: str
    undone: tuple[str, ...] = ()
    incidents: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Matrix:
    """Every row with everything that can go wrong at it. Shown as a table, by `str` and by rich."""

    name: str
    cells: tuple[Cell, ...]

    def __iter__(self) -> Iterator[Cell]:
        return iter(self.cells)

    def of(self, row: str, failure: str) -> Cell:
        """One of its cells. Raises `LookupError` with those that there are."""
        for cell in self.cells:
            if (cell.row, cell.failure) == (row, failure):
                return cell
        there_are = a_list(f"{cell.row}: {cell.failure}" for cell in self.cells)
        raise LookupError(f"Nothing is known of {row}: {failure}; there are: {there_are}.")

    def __rich__(self) -> Table:
        table = Table("row", "what goes wrong", "the saga is", "undone", "needs a person", title=self.name)
        before = ""
        for cell in self.cells:
            needs = "\n".join(f"{row or 'the saga'}: {reason}" for row, reason in cell.incidents)
            name = cell.row if cell.row != before else ""
            table.add_row(name, cell.failure, cell.state, ", ".join(cell.undone), needs)
            before = cell.row
        return table

    def __str__(self) -> str:
        console = Console(width=140, no_color=True, force_terminal=False, legacy_windows=False)
        with console.capture() as shown:
            console.print(self.__rich__())
        return "\n".join(line.rstrip() for line in shown.get().splitlines())


@dataclass(frozen=True, kw_only=True)
class _Case:
    """One thing to go wrong at a row: `at` is the row and the table whose function shows that it was reached."""

    row: str
    failure: str
    at: tuple[str, str]
    cues: tuple[Cue, ...] = ()
    answers: Mapping[str, Any] = field(default_factory=dict)


def failure_matrix(
    definition: Definition,
    *things: Cue | Participant,
    input: Any = None,
    steps: Mapping[str, Any] | None = None,
    answers: Mapping[str, Any] | None = None,
) -> Matrix:
    """Play the saga once for everything that can go wrong at every row, and see what becomes of it.

    Steps are refused, busy or silent for ever, kill their workers, or are done in part and cannot be undone; of an
    `each` it is the first item's. Nothing comes for waits, approvals get a no or nothing, a child's first step is
    refused.

    Without `things` and `steps` every step answers {}; otherwise they are those of `given`, and `answers` those of
    `explore`.
    """
    if not things and steps is None:
        steps = {EVERY: {}}
    cells = []
    for case in _cases(definition):
        with forgotten():
            story = begin(World(), definition, [*things, *case.cues], input=input, steps=steps)
            travel(story, {**(answers or {}), **case.answers})
            cells.append(_cell(case, story))
    return Matrix(definition.name, tuple(cells))


def _cell(case: _Case, story: Story) -> Cell:
    saga = story.saga
    called = {(call.path, call.table) for call in story.calls_of_all}
    waited = Run.objects.filter(saga=saga, path=case.row, kind__in=[Run.Kind.WAIT, Run.Kind.APPROVAL])
    if case.at not in called and not waited.exclude(state=StepState.SKIPPED).exists():
        return Cell(row=case.row, failure=case.failure, state=NOT_REACHED)
    found = Incident.objects.open().filter(saga__in=family(saga)).order_by("opened_at", "id")
    return Cell(
        row=case.row,
        failure=case.failure,
        state=saga.state,
        undone=tuple(once(moved(saga.pk, story.definition, "undone"))),
        incidents=tuple(found.values_list("path", "reason")),
    )


def _cases(table: Definition) -> Iterator[_Case]:
    for place in table.walk():
        match place.row:
            case Step():
                in_a_list = bool(place.groups) and isinstance(table.places[place.groups[-1]].row, Each)
                for failure, cues in _of_step(place.row, table, item=0 if in_a_list else None):
                    yield _Case(row=place.path, failure=failure, at=(place.path, table.name), cues=cues)
            case Wait():
                yield _Case(row=place.path, failure="nothing comes", at=("", ""), answers={place.path: TIMED_OUT})
            case Approval():
                for failure, answer in (("a no", False), ("nobody decides", TIMED_OUT)):
                    yield _Case(row=place.path, failure=failure, at=("", ""), answers={place.path: answer})
            case Child(definition=below) if below.steps:
                first = below.steps[0]
                for failure, cues in list(_of_step(first, below))[:1]:
                    yield _Case(
                        row=place.path, failure=f"its {first.name} is {failure}", at=(first.name, below.name), cues=cues
                    )


def _of_step(step: Step, table: Definition, item: int | None = None) -> Iterator[tuple[str, tuple[Cue, ...]]]:
    """Everything that can go wrong with a step for ever."""
    here: dict[str, Any] = {"name": step.name, "within": table.name, "item": item, "times": None}
    before: dict[str, Any] = {**here, "when": "before"}
    yield "refused", (Cue(kind=Kind.FAILS, error=Abort("It is refused."), **before),)
    yield "busy for ever", (Cue(kind=Kind.FAILS, error=RetryLater("It is busy."), **before),)
    yield "silent for ever", (Cue(kind=Kind.TIMES_OUT, **here),)
    yield "kills its workers", (Cue(kind=Kind.CRASHES, **before),)
    if step.owes:
        partly = Cue(kind=Kind.FAILS, error=Abort("It is done in part.", done={}), **before)
        stuck = Cue(kind=Kind.FAILS, doing=Doing.COMPENSATION, error=Abort("It cannot be undone."), **before)
        yield "cannot be undone", (partly, stuck)
