"""A table whose rows are numbered, for languages in which a node needs a name: no row's may be a word of theirs."""

from collections.abc import Iterator
from dataclasses import dataclass

from sagas.diagrams.labels import undoing
from sagas.diagrams.marks import Marks
from sagas.words.definition import Definition
from sagas.words.faults.table import is_past_pivot

COLOURS = {
    "well": "#dff3e4",
    "busy": "#dcedf8",
    "waits": "#ece6f9",
    "trouble": "#fde3e3",
    "undone": "#fdf0d5",
    "missed": "#fdf0d5",
    "off": "#ececec",
}
"""What a node is filled with, by the family of its mark."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Undoing:
    """The node of what undoes a row, and of what is undone before it, if anything is."""

    path: str
    node: str
    name: str
    note: str
    after: str


class Numbered:
    """A table, how its rows stand, and their numbers."""

    def __init__(self, definition: Definition, marks: Marks) -> None:
        self.definition, self.marks = definition, marks
        self.number = {path: number for number, path in enumerate(definition.places)}
        self.pivots = [place.path for place in definition.pivots]

    def undoings(self) -> Iterator[Undoing]:
        """What undoes a row, in the order in which that is done; past the point of no return there is no order."""
        later = ""
        for path, place in reversed([*self.definition.places.items()]):
            name, note = undoing(self.definition, place) or ("", "")
            if not name:
                continue
            node, free = f"u{self.number[path]}", is_past_pivot(self.definition, place)
            yield Undoing(path=path, node=node, name=name, note=note, after="" if free else later)
            later = later if free else node
