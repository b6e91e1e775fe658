"""A saga's table as a picture: rows from top to bottom, groups as frames, the way back on the right from below."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from html import escape

from sagas.diagrams.folding import folds
from sagas.diagrams.labels import heading, kind_of, notes, sentence, undoing
from sagas.diagrams.lettering import wrap
from sagas.diagrams.marks import Marks, family_of
from sagas.diagrams.sheet import Sheet
from sagas.words.definition import Definition, Place
from sagas.words.rows import GROUPS, Each
from sagas.words.spans import span

MARGIN, GAP, INDENT, PAD = 14, 22, 22, 14
ROW, CHIP, LANE = 260, 150, 24
"""How wide a row is and what undoes it, and the room between them; `INDENT` is added for each group around."""
NAME, NOTE = 14, 12
"""The sizes of the two kinds of text; `LEAD` is how far lines are apart."""
LEAD = 1.3
LONGEST_REASON = 3
"""So many lines of why something is not undone are shown."""


@dataclass(frozen=True)
class Lines:
    """What is written in a box."""

    names: list[str]
    notes: list[str]
    mark: list[str]

    @property
    def height(self) -> float:
        small = len(self.notes) + len(self.mark)
        return 2 * 9 + len(self.names) * NAME * LEAD + small * NOTE * LEAD

    def write(self, sheet: Sheet, x: float, y: float) -> None:
        y += 9 - NAME * (LEAD - 1)
        for style, size, lines in (("name", NAME, self.names), ("", NOTE, self.notes), ("mark", NOTE, self.mark)):
            for line in lines:
                y += size * LEAD
                sheet.text(x, y, line, style)


class Picture:
    """Draws one table; `y` is how far down it has come.

    With `link`, which says where a row's path leads to, it is part of a page and has no style sheet of its own;
    `folded`, many rows in a line that stand alike are one box.
    """

    def __init__(
        self,
        definition: Definition,
        marks: Marks,
        *,
        link: Callable[[str], str] | None = None,
        folded: bool = False,
    ) -> None:
        self.definition, self.marks = definition, marks
        self.link, self.folded = link, folded
        self.pivots = [place.path for place in definition.pivots]
        self.sheet = Sheet()
        self.depth = max((len(place.groups) for place in definition.walk()), default=0)
        self.right = MARGIN + ROW + INDENT * self.depth
        self.chip = self.right + LANE
        self.edge = self.chip + CHIP
        self.width = self.edge + 10 * self.depth + 2 * MARGIN
        self.y: float = MARGIN
        self.undone: list[float] = []

    def drawn(self) -> str:
        definition = self.definition
        title = f"saga {definition.name}, version {definition.version}"
        told = "; ".join(sentence(definition, place) for place in definition.walk())
        self.title()
        rail = self.width - MARGIN
        for places in self.siblings(definition.tops):
            self.arrow_down(taken=any(self.marks.forward.get(place.path) for place in places))
            self.rows(places)
            if places[0].path in self.pivots:
                self.way_back(rail)
                self.border(rail)
        self.arrow_down()
        self.sheet.add(f'<circle class="shape" cx="{self.middle:g}" cy="{self.y + 7:g}" r="6"/>')
        if not self.pivots:
            self.way_back(rail)
        alone = self.link is None
        return self.sheet.finished(self.width, self.y + 2 * MARGIN, title, told if alone else "", alone=alone)

    def siblings(self, paths: Sequence[str]) -> Iterator[list[Place]]:
        """What is drawn one below the other: rows, or many of them as one."""
        if self.folded:
            return folds(self.definition, paths, self.marks)
        return ([self.definition.places[path]] for path in paths)

    @property
    def middle(self) -> float:
        return MARGIN + 36

    def title(self) -> None:
        definition = self.definition
        about = f"version {definition.version}"
        about += f", {span(definition.deadline)} at most" if definition.deadline is not None else ""
        for line in wrap(definition.name, 16, self.width - 2 * MARGIN, bold=True):
            self.y += 16 * LEAD
            self.sheet.text(MARGIN, self.y - 4, line, "title")
        self.y += NOTE * LEAD
        self.sheet.text(MARGIN, self.y - 2, about)

    def arrow_down(self, *, taken: bool = False) -> None:
        self.sheet.line(
            (self.middle, self.y + 3), (self.middle, self.y + GAP), style="arrow taken" if taken else "arrow"
        )
        self.y += GAP

    def rows(self, places: list[Place]) -> None:
        first, *others = places
        if others:
            self.fold(places)
        elif isinstance(first.row, GROUPS):
            self.group(first)
        else:
            self.leaf(first)

    def fold(self, places: list[Place]) -> None:
        """Many rows that stand alike, as one box that says from which to which they are."""
        first, last = places[0], places[-1]
        x = self.left(first)
        room = self.right - x - 2 * PAD
        mark = self.marks.forward.get(first.path, "")
        said = f"{first.path} … {last.path}"
        lines = Lines(
            wrap(f"{len(places)} rows", NAME, room, bold=True),
            wrap(said, NOTE, room),
            wrap(f"all {mark}" if mark else "", NOTE, room, bold=True),
        )
        css = f"fold {family_of(mark)}".strip()
        self.sheet.add(f'{self.anchor(first.path)}<g class="{css}"><title>{escape(said)}</title>')
        for shift in (6, 3, 0):
            style = "frame" if shift else "shape"
            self.sheet.rect(x + shift, self.y + shift, self.right - x - shift, lines.height, style=style)
        lines.write(self.sheet, x + PAD, self.y)
        self.sheet.add(f"</g>{self.closing}")
        ways = sum(bool((undo := undoing(self.definition, place)) and undo[0]) for place in places)
        if ways:
            back = self.marks.back.get(first.path, "")
            name = f"{ways} ways back"
            beside = Lines(wrap(name, NAME, CHIP - 20, bold=True), [], wrap(back, NOTE, CHIP - 20, bold=True))
            self.undo(first.path, beside, lines.height)
        self.y += lines.height + 6

    def leaf(self, place: Place) -> None:
        x, row = self.left(place), place.row
        lines = self.lines(place, self.right - x - 2 * PAD)
        undo = undoing(self.definition, place)
        beside = self.undo_lines(place.path, *undo) if undo is not None else None
        height = max(lines.height, beside.height if beside else 0)
        self.open(place)
        self.sheet.shape(kind_of(row), x, self.y, self.right - x, height)
        lines.write(self.sheet, x + PAD, self.y + (height - lines.height) / 2)
        self.sheet.add(f"</g>{self.closing}")
        if beside is not None:
            self.undo(place.path, beside, height)
        self.y += height

    def undo(self, path: str, lines: Lines, height: float) -> None:
        """What undoes a row, or why nothing does, beside it."""
        middle = self.y + height / 2
        if not lines.names:
            lines.write(self.sheet, self.chip, middle - lines.height / 2)
            return
        self.sheet.line((self.right, middle), (self.chip - 2, middle), style="way", head="way-head")
        self.sheet.add(f'<g class="back {family_of(self.marks.back.get(path, ""))}">')
        self.sheet.rect(self.chip, middle - lines.height / 2, CHIP, lines.height)
        lines.write(self.sheet, self.chip + 10, middle - lines.height / 2)
        self.sheet.add("</g>")
        self.undone.append(middle)

    def group(self, place: Place) -> None:
        x, top = self.left(place), self.y
        lines = self.lines(place, self.edge - x - 2 * PAD)
        under = len(self.sheet.parts)
        self.y += lines.height - 4
        below = self.y
        middles = []
        for members in self.siblings(self.definition.members[place.path]):
            start = self.y
            self.rows(members)
            middles.append(start + min(20, (self.y - start) / 2))
            self.y += 14 if isinstance(members[0].row, Each) else 8
        self.y += 4
        bus = x + 10
        for middle in middles:
            self.sheet.line((bus, middle), (x + INDENT - 1, middle))
        if middles:
            self.sheet.line((bus, below - 2), (bus, middles[-1]), head="")
        self.frame(place, lines, under, top)

    def frame(self, place: Place, lines: Lines, under: int, top: float) -> None:
        """Around the members and beneath them, once it is known how far down they reach."""
        x = self.left(place)
        width = self.edge + 10 * (self.depth - len(place.groups)) - x - 2
        frame = Sheet()
        for shift in (6, 3, 0) if isinstance(place.row, Each) else (0,):
            frame.rect(x + shift, top + shift, width - shift, self.y - top, style="shape" if shift == 0 else "frame")
        lines.write(frame, x + PAD, top)
        self.sheet.add(f"{self.opening(place)}{''.join(frame.parts)}</g>{self.closing}", under)

    def border(self, rail: float) -> None:
        self.y += 10
        self.sheet.add(f'<path class="border" d="M{MARGIN} {self.y:g}H{rail:g}"/>')
        for line in wrap("the point of no return: from here on it only goes forward", NOTE, rail - self.middle - PAD):
            self.y += NOTE * LEAD
            self.sheet.text(self.middle + PAD, self.y, line)

    def way_back(self, rail: float) -> None:
        """From what was done last up to what was done first."""
        for middle in self.undone:
            self.sheet.line((self.edge, middle), (rail, middle), style="way", head="")
        if self.undone:
            self.sheet.line((rail, self.undone[-1]), (rail, self.undone[0] - 20), style="way", head="way-head")

    def left(self, place: Place) -> float:
        return MARGIN + INDENT * len(place.groups)

    def lines(self, place: Place, room: float) -> Lines:
        said = [line for note in notes(place.row) for line in wrap(note, NOTE, room)]
        mark = wrap(self.marks.forward.get(place.path, ""), NOTE, room, bold=True)
        return Lines(wrap(heading(place.row), NAME, room, bold=True), said, mark)

    def undo_lines(self, path: str, name: str, note: str) -> Lines:
        room = CHIP - 20 if name else CHIP
        mark = wrap(self.marks.back.get(path, ""), NOTE, room, bold=True)
        return Lines(wrap(name, NAME, room, bold=True), wrap(note, NOTE, room, LONGEST_REASON), mark)

    def open(self, place: Place) -> None:
        self.sheet.add(self.opening(place))

    def opening(self, place: Place) -> str:
        """Everything of a row is one group, which a page can find by its path and a reader by its tooltip."""
        words = [kind_of(place.row), family_of(self.marks.forward.get(place.path, ""))]
        words += ["pivot"] if place.path in self.pivots else []
        css = " ".join(word for word in words if word)
        told = escape(sentence(self.definition, place))
        return f'{self.anchor(place.path)}<g class="{css}" data-path="{escape(place.path)}"><title>{told}</title>'

    def anchor(self, path: str) -> str:
        """Where a click on a row leads to."""
        return f'<a href="{escape(self.link(path))}">' if self.link else ""

    @property
    def closing(self) -> str:
        return "</a>" if self.link else ""
