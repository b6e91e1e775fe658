"""What is written on a row of a drawn table, in short words."""

from collections.abc import Iterator
from datetime import timedelta

from sagas.words.definition import Definition, Place
from sagas.words.faults.table import is_past_pivot, may_be_dropped
from sagas.words.rows import GROUPS, Approval, Child, Each, Function, Parallel, Row, Sleep, Step, Wait
from sagas.words.spans import span

UNNAMED = "a function"


def kind_of(row: Row) -> str:
    return type(row).__name__.lower()


def heading(row: Row) -> str:
    """The row's name; of a group, how its rows run."""
    match row:
        case Parallel(rows=rows, join=join):
            how = "side by side" if join is None else f"side by side, {join} of {len(rows)} must succeed"
            return f"{row.name}: {how}" if row.name else how
        case Each():
            return f"{row.name}: for each item"
    return row.name


def notes(row: Row) -> list[str]:
    """What else an author said of the row that a reader of the picture must know."""
    found = _of_when(row)
    match row:
        case Step():
            found += _of_step(row)
        case Wait():
            name = "" if row.signal == row.name else f" {row.signal}"
            found.append(f"waits for the signal{name}{_at_most(row.timeout)}")
            found += ["then goes on"] if row.on_timeout == "continue" else []
        case Approval():
            found.append(f"{row.group or 'a person'} decides{_at_most(row.timeout)}")
            found += ["a no goes on as well"] if row.on_no == "continue" else []
            found += ["after that it goes on"] if row.on_timeout == "continue" else []
        case Sleep(duration=timedelta() as duration):
            found.append(f"sleeps {span(duration)}")
        case Sleep(until=until):
            found.append(f"sleeps until {called(until) if callable(until) else f'{until:%Y-%m-%d %H:%M %Z}'}")
        case Child():
            found.append(f"saga {row.definition.name}, version {row.definition.version}")
        case Parallel():
            found += ["undone side by side"] if row.compensate == "parallel" else []
        case Each():
            found.append(", ".join(_of_each(row)))
    return found


def undoing(definition: Definition, place: Place) -> tuple[str, str] | None:
    """How the row is undone: a name and a note, the name empty where it is not; None where nothing has to be."""
    if isinstance(place.row, Step) and place.row.pivot:
        return None
    if is_past_pivot(definition, place) and not may_be_dropped(definition, place):
        return None
    match place.row:
        case Step(compensation=compensation) if compensation is not None and not place.row.reads_only:
            return called(compensation), ""
        case Child(definition=table, no_compensation=""):
            return table.name, "by its own table"
        case (Step() | Child()) as row if row.no_compensation:
            return "", f"not undone: {row.no_compensation}"
    return None


def sentence(definition: Definition, place: Place) -> str:
    """A row in words, for who hears the picture or points at it."""
    row = place.row
    name = heading(row) if isinstance(row, GROUPS) else f"{kind_of(row)} {row.name}"
    undo = undoing(definition, place)
    back = [f"undone by {undo[0]}" if undo[0] else undo[1]] if undo is not None else []
    return ", ".join([name, *notes(row), *back])


def _of_when(row: Row) -> list[str]:
    if row.when is None:
        return []
    name = called(row.when)
    return ["only under a condition" if name == UNNAMED else f"only if {name}"]


def _of_step(step: Step) -> Iterator[str]:
    if step.pivot:
        yield "the point of no return"
    for word in ("reads_only", "optional", "local"):
        if getattr(step, word):
            yield word.replace("_", " ")
    if step.probe is not None:
        yield f"in doubt: {called(step.probe)}"


def _of_each(row: Each) -> Iterator[str]:
    if row.items is not None:
        yield f"from {called(row.items)}"
    yield f"{row.concurrency} at a time"
    if row.max_failures:
        yield f"{row.max_failures} may fail"
    if row.compensate == "parallel":
        yield "undone side by side"


def _at_most(timeout: timedelta | None) -> str:
    return f", {span(timeout)} at most" if timeout is not None else ""


def called(function: Function) -> str:
    """A function's name, as an author knows it."""
    name = str(getattr(function, "__name__", type(function).__name__))
    return UNNAMED if name == "<lambda>" else name
