"""How the rows of a table stand to each other: names, groups, the point of no return, children."""

from collections.abc import Iterator

from sagas.words.definition import Definition, Place
from sagas.words.faults.functions import of_functions
from sagas.words.faults.values import is_count, is_model, of_models, of_name, of_times, of_words
from sagas.words.rows import Approval, Child, Each, Group, Parallel, Row, Step, Wait

DEEPEST = 8
"""Sagas nest no deeper than this."""


def of_header(definition: Definition) -> Iterator[str]:
    """What is wrong in the table as a whole."""
    yield from of_name(definition.name, "such as 'order'")
    if not is_count(definition.version, 1):
        yield "the version must be a whole number from 1."
    if not definition.rows and not definition.strays:
        yield "the table is empty; give it at least one step(...)."
    yield from of_models(definition, "input")
    yield from of_times(definition, "deadline")
    yield from of_words(definition)
    yield from of_functions(definition, "summary")
    for stray in _strays(definition):
        yield f"{stray} is not a row; wrap a function as step(function)."
    paths = [place.path for place in definition.walk()]
    for path in sorted({path for path in paths if paths.count(path) > 1}, key=str):
        yield f"two rows are named {path!r}; give one of them another name=."
    if len(definition.pivots) > 1:
        names = " and ".join(str(place.path) for place in definition.pivots)
        yield f"there is one point of no return at most; {names} say pivot=True."


def of_place(definition: Definition, place: Place) -> Iterator[str]:
    """What is wrong in where a row stands."""
    row = place.row
    match row:
        case Step():
            yield from _of_undoing(definition, place, row)
        case Child(definition=Definition()):
            yield from _of_child(definition, place, row)
        case Parallel() | Each():
            yield from _of_group(definition, place, row)
    if is_past_pivot(definition, place):
        yield from _of_going_forward(row)


def _strays(group: Definition | Parallel) -> Iterator[str]:
    yield from group.strays
    for row in group.rows:
        if isinstance(row, Parallel):
            yield from _strays(row)


def _of_undoing(definition: Definition, place: Place, step: Step) -> Iterator[str]:
    if step.pivot and place.groups:
        yield "the point of no return cannot stand in a group; give it a row of its own."
    if step.compensation or step.no_compensation or step.reads_only or step.pivot:
        return
    if may_be_dropped(definition, place):
        yield (
            "the saga can go on without it, and nothing says how it is undone then; give it a compensation=, or "
            "no_compensation='why none is needed', or reads_only=True."
        )
    elif not is_past_pivot(definition, place, surely=True):
        yield (
            "nothing says how it is undone; give it a compensation=, or no_compensation='why none is needed', "
            "or reads_only=True."
        )


def _of_child(definition: Definition, place: Place, row: Child) -> Iterator[str]:
    if any((d.name, d.version) == (definition.name, definition.version) for d in _family(row.definition)):
        yield "a saga cannot be its own child, or a child of its children; begin the next one from a step."
    elif _depth(row.definition) >= DEEPEST:
        yield f"sagas nest {DEEPEST} deep at most; make it a step that starts a saga."
    if row.no_compensation or not _commits(row.definition):
        return
    advice = "or say no_compensation='why none is needed'."
    if may_be_dropped(definition, place):
        yield f"the saga can go on without it, and past its own pivot it cannot be undone; take it out, {advice}"
    elif not is_past_pivot(definition, place, surely=True):
        yield f"past its own pivot it cannot be undone; put it after this saga's pivot, {advice}"


def _of_group(definition: Definition, place: Place, row: Group) -> Iterator[str]:
    if place.groups and row.compensate != "sequence":
        yield "compensate= is said on the outermost group, which is undone as one; drop it here."
    if isinstance(row, Each) and row.items is None and not _has_field(definition.input, row.name):
        yield f"the input has no field {row.name!r} to take the list from; name it so, or give it items=."


def _has_field(model: object, name: str) -> bool:
    """Without a model nobody knows before a saga runs."""
    return not is_model(model) or name in model.model_fields


def _of_going_forward(row: Row) -> Iterator[str]:
    """Past the pivot a row retries for ever, is optional, or says what instead of turning back."""
    if isinstance(row, Wait | Approval) and row.on_timeout != "continue":
        yield "it stands after the pivot, where nothing turns back; say on_timeout='continue'."
    match row:
        case Wait(on_failure="compensate", accept=accept) if accept is not None:
            pass
        case Approval(on_failure="compensate", on_no="compensate") | Child(on_failure="compensate"):
            pass
        case _:
            return
    yield "it stands after the pivot, where nothing turns back; say on_failure='incident'."


def may_be_dropped(definition: Definition, place: Place) -> bool:
    """May the saga go on without what this row has done? Then that is undone at once, past the pivot too."""
    groups = (definition.places[path].row for path in place.groups)
    return any(getattr(group, "join", None) or getattr(group, "max_failures", 0) for group in groups)


def is_past_pivot(definition: Definition, place: Place, *, surely: bool = False) -> bool:
    """Does the row stand after the pivot; `surely`: after one that is always taken?"""
    return any(pivot.top < place.top and not (surely and pivot.row.when) for pivot in definition.pivots)


def _children(definition: Definition) -> Iterator[Child]:
    for place in definition.walk():
        if isinstance(place.row, Child) and isinstance(place.row.definition, Definition):
            yield place.row


def _commits(definition: Definition) -> bool:
    """Has it, or a child that it would have to undo, a point of no return?"""
    undone = (row.definition for row in _children(definition) if not row.no_compensation)
    return bool(definition.pivots) or any(map(_commits, undone))


def _family(definition: Definition) -> Iterator[Definition]:
    """The definition, those of its children, and theirs."""
    yield definition
    for row in _children(definition):
        yield from _family(row.definition)


def _depth(definition: Definition) -> int:
    return 1 + max((_depth(row.definition) for row in _children(definition)), default=0)
