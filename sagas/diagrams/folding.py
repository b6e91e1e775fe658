"""Which rows of a long table are drawn as one box: many in a line that stand alike."""

from collections.abc import Iterator, Sequence
from itertools import groupby

from sagas.diagrams.marks import Marks, family_of
from sagas.words.definition import Definition, Place
from sagas.words.rows import GROUPS

SHOWN = ("trouble", "busy")
"""What somebody looks for is never folded away."""
FEWEST = 4
"""So many rows at least are drawn as one; the one before and the one after them stay, to say where they are."""


def folds(definition: Definition, paths: Sequence[str], marks: Marks) -> Iterator[list[Place]]:
    """Siblings in their order: a row alone, or many that stand alike and are drawn as one box."""
    places = [definition.places[path] for path in paths]
    for alike, line in groupby(places, key=lambda place: _likeness(definition, place, marks)):
        rows = list(line)
        if alike is None or len(rows) < FEWEST + 2:
            yield from ([row] for row in rows)
            continue
        yield rows[:1]
        yield rows[1:-1]
        yield rows[-1:]


def _likeness(definition: Definition, place: Place, marks: Marks) -> tuple[str, str] | None:
    """What rows of one fold have in common; None for a row that is always drawn."""
    family, back = family_of(marks.forward.get(place.path, "")), family_of(marks.back.get(place.path, ""))
    if isinstance(place.row, GROUPS) or place in definition.pivots or {family, back} & {*SHOWN}:
        return None
    return family, back
