"""What is wrong in a definition, in sentences that say what to do about it.

values     what a keyword may be: names, bounds, models, policies
functions  whether a function can be called as it will be
rows       what a row says of itself
table      how rows stand to each other: names, groups, the pivot, children
"""

from collections.abc import Iterator

from sagas.words.definition import Definition
from sagas.words.faults import rows, table

__all__ = ["faults_of"]


def faults_of(definition: Definition) -> list[str]:
    """Everything that is wrong in a table, a sentence each."""
    title = f"saga {definition.name!r} version {definition.version}"
    return [f"{title}{place}: {fault}" for place, fault in _found(definition)]


def _found(definition: Definition) -> Iterator[tuple[str, str]]:
    for fault in table.of_header(definition):
        yield "", fault
    for place in definition.walk():
        where = f", {rows.kind_of(place.row)} {place.path!r}"
        for fault in (*rows.of_row(place.row), *table.of_place(definition, place)):
            yield where, fault
