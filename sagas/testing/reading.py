"""What a saga did, read from its journal and its rows, and held against its table."""

from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import Any
from uuid import UUID

from sagas.models import Journal, Run
from sagas.record.payload import unpack
from sagas.words.definition import Definition, Place
from sagas.words.lifecycle import StepState
from sagas.words.results import FAILED, TIMED_OUT
from sagas.words.rows import Child, Each, Parallel, Row, Step

By = list[tuple[Any, list[str]]]


def moved(saga_id: UUID, table: Definition, did: str) -> list[str]:
    """The steps and children that did it, in the order of the journal, an `each`'s once for every item."""
    rows = Journal.objects.filter(saga_id=saga_id).order_by("rev")
    paths = [move["step"] for row in rows for move in row.moves if move.get("did") == did]
    return [path for path in paths if isinstance(table.places[path].row, Step | Child)]


def forward_order(names: Sequence[str], table: Definition) -> By:
    """Names grouped by their row of the table: those of one row in any order, each once."""
    return [(top, sorted(set(found))) for top, found in groupby(names, lambda name: table.places[name].top)]


def way_back_order(names: Sequence[str], table: Definition) -> By:
    """Names in their order; those of a group that is undone side by side in any order. An `each`'s step counts once."""

    def place(name: str) -> Any:
        groups = table.places[name].groups
        outermost = table.places[groups[0]].group if groups else None
        return (groups[0],) if outermost is not None and outermost.compensate == "parallel" else name

    return [(key, sorted(set(found))) for key, found in groupby(names, place)]


def once(names: Sequence[str]) -> list[str]:
    """The names in order, each where it comes first."""
    return list(dict.fromkeys(names))


def results_of(saga_id: UUID, table: Definition) -> dict[str, Any]:
    """The results so far by the row's name, as `ctx.results` has them."""
    runs: dict[str, list[Run]] = {}
    for run in Run.objects.filter(saga_id=saga_id).exclude(kind=Run.Kind.MESSAGE).order_by("item"):
        runs.setdefault(run.path, []).append(run)
    found = {}
    for place in table.walk():
        if isinstance(place.row, Parallel):
            continue
        of_row = runs.get(_stored_at(place.row, place.path), [])
        results = [_result(run) for run in of_row]
        if _is_list(place, table):
            found[place.path] = results
        elif of_row and of_row[0].state in ENDED:
            found[place.path] = results[0]
    return found


ENDED = {StepState.SUCCEEDED, StepState.TIMED_OUT, StepState.SKIPPED}


def _stored_at(row: Row, path: str) -> str:
    return row.step.name if isinstance(row, Each) else path


def _is_list(place: Place, table: Definition) -> bool:
    inside = [table.places[group].row for group in place.groups]
    return any(isinstance(row, Each) for row in [place.row, *inside])


def _result(run: Run) -> Any:
    if run.state == StepState.TIMED_OUT:
        return TIMED_OUT
    return FAILED if run.loser else unpack(run.result)


def tables_of(table: Definition) -> Iterator[Definition]:
    """The table and those of its children, and of theirs."""
    yield table
    for place in table.walk():
        if isinstance(place.row, Child):
            yield from tables_of(place.row.definition)
