"""The state machines as pictures, from the arrows that the engine obeys.

The files in `docs/pictures` are these, written by

    python manage.py shell -c 'from sagas.diagrams import write_machines; write_machines("docs/pictures")'
"""

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise, product
from math import hypot
from pathlib import Path

from transitions import Machine
from transitions.extensions import GraphMachine

from sagas.diagrams.lettering import width
from sagas.diagrams.sheet import Point, Sheet
from sagas.words.lifecycle import ENDS, leads_to, saga_machine, step_machine, undo_machine

COLUMN, LINE, BOX = 176, 96, (128, 36)
"""How far states are apart, and how large one is."""
MARGIN, TITLE = 28, 34
BENDS = (0, 26, -26, 52, -52, 84, -84, 120, -120, 160, -160)
"""How far an arrow may swing out to keep clear of states and of other arrows, the straight one first."""


@dataclass(frozen=True, kw_only=True)
class Drawing:
    """One machine and where its states stand, a line of words for a line of the picture; `.` leaves a place free."""

    title: str
    machine: Machine
    grid: str
    colours: Mapping[str, str]
    ends: Collection[str]

    @property
    def places(self) -> dict[str, Point]:
        rows = [line.split() for line in self.grid.strip().splitlines()]
        found = {state: (x, y) for y, row in enumerate(rows) for x, state in enumerate(row) if state != "."}
        if found.keys() != set(self.machine.states):
            raise ValueError(f"{self.title}: give every state of the machine, and no other, its place in the picture.")
        return {
            state: (MARGIN + COLUMN * x + BOX[0] / 2, MARGIN + TITLE + LINE * y + BOX[1] / 2)
            for state, (x, y) in found.items()
        }


DRAWINGS = {
    "states": Drawing(
        title="The states of a saga",
        machine=saga_machine,
        grid="""
            pending    running       waiting    completed
            .          .             stuck      .
            cancelled  compensating  .          failed
            .          compensated   .          .
        """,
        colours={
            "running": "busy",
            "waiting": "waits",
            "stuck": "trouble",
            "compensating": "busy",
            "completed": "well",
            "compensated": "undone",
            "cancelled": "undone",
            "failed": "trouble",
        },
        ends=ENDS,
    ),
    "states-step": Drawing(
        title="The states of a row, forward",
        machine=step_machine,
        grid="""
            pending  cancelled  .        waiting    .
            .        due        skipped  timed_out  .
            .        .          unknown  failed     succeeded
            .        .          running  .          .
        """,
        colours={
            "due": "busy",
            "running": "busy",
            "waiting": "waits",
            "succeeded": "well",
            "failed": "trouble",
            "unknown": "trouble",
            "timed_out": "missed",
            "skipped": "off",
            "cancelled": "off",
        },
        ends=("succeeded", "skipped", "cancelled"),
    ),
    "states-undo": Drawing(
        title="The states of a row's way back",
        machine=undo_machine,
        grid="""
            none  owed      due    running  done
            .     unneeded  stuck  waived   .
        """,
        colours={
            "owed": "waits",
            "due": "busy",
            "running": "busy",
            "done": "undone",
            "stuck": "trouble",
            "waived": "undone",
            "unneeded": "off",
        },
        ends=("waived", "done", "unneeded"),
    ),
}


def machines() -> dict[str, str]:
    """Every machine as a picture (.svg) and as mermaid (.mmd), by the name of its file."""
    pictures = {f"{name}.svg": _picture(drawing) for name, drawing in DRAWINGS.items()}
    return pictures | {f"{name}.mmd": _mermaid(drawing) for name, drawing in DRAWINGS.items()}


def write_machines(folder: str | Path) -> None:
    """Write the files anew, after `lifecycle` has changed."""
    for name, text in machines().items():
        (Path(folder) / name).write_text(text)


def _arrows(machine: Machine) -> list[tuple[str, str]]:
    return [(state, target) for state in machine.states for target in leads_to(machine, state)]


def _mermaid(drawing: Drawing) -> str:
    """By the library itself, from a machine that is thrown away; the triggers only repeat where an arrow leads."""
    machine = drawing.machine
    copy = GraphMachine(
        model=(thing := type("Thing", (), {})()),
        states=list(machine.states),
        transitions=[{"trigger": "to", "source": here, "dest": there} for here, there in _arrows(machine)],
        initial=next(iter(machine.states)),
        auto_transitions=False,
        graph_engine="mermaid",
        title=drawing.title,
    )
    del copy
    return re.sub(r" +$|: to$", "", thing.get_graph().draw(None), flags=re.MULTILINE) + "\n"


def _picture(drawing: Drawing) -> str:
    places, sheet = drawing.places, Sheet()
    sheet.text(MARGIN, MARGIN + 4, drawing.title, "title")
    arrows = set(_arrows(drawing.machine))
    first = next(iter(drawing.machine.states))
    drawn: list[list[Point]] = []
    for here, there in sorted(arrows, key=lambda arrow: (_distance(places[arrow[0]], places[arrow[1]]), arrow)):
        if (there, here) in arrows and there < here:
            continue
        line = min(_lines(places, here, there), key=lambda line: _cost(line, places, (here, there), drawn))
        drawn.append(line)
        sheet.line(*line)
        if (there, here) in arrows:
            sheet.head(line[0], _vector(line[1], line[0]))
    for state, (x, y) in places.items():
        _box(sheet, state, x, y, drawing.colours.get(state, ""), first=state == first, last=state in drawing.ends)
    right, low = (max(places, key=None) for places in zip(*places.values(), strict=True))
    told = "; ".join(f"{here} to {there}" for here, there in _arrows(drawing.machine))
    return sheet.finished(right + BOX[0] / 2 + MARGIN, low + BOX[1] / 2 + MARGIN, drawing.title, f"Arrows: {told}.")


def _box(sheet: Sheet, state: str, x: float, y: float, colour: str, *, first: bool, last: bool) -> None:
    wide, high = BOX
    sheet.add(f'<g class="{colour}">')
    sheet.rect(x - wide / 2, y - high / 2, wide, high, corner=high)
    sheet.add("</g>")
    if last:
        sheet.rect(x - wide / 2 + 3, y - high / 2 + 3, wide - 6, high - 6, style="frame", corner=high)
    if first:
        sheet.add(f'<circle class="head" cx="{x - width(state, 14, bold=True) / 2 - 10:g}" cy="{y:g}" r="4"/>')
    sheet.text(x, y + 5, state, "name", "middle")


def _lines(places: Mapping[str, Point], here: str, there: str) -> Iterator[list[Point]]:
    """The ways an arrow can go, from border to border, each as many short pieces."""
    (x1, y1), (x2, y2) = places[here], places[there]
    length = _distance(places[here], places[there])
    for bend in BENDS:
        middle = ((x1 + x2) / 2 - (y2 - y1) / length * bend * 2, (y1 + y2) / 2 + (x2 - x1) / length * bend * 2)
        curve = [_on_curve((x1, y1), middle, (x2, y2), part / 60) for part in range(61)]
        yield [point for point in curve if not any(_inside(point, places[end], 2) for end in (here, there))]


def _cost(line: list[Point], places: Mapping[str, Point], ends: tuple[str, str], drawn: list[list[Point]]) -> float:
    """Through a state is worst; then along another arrow, then across one, then a detour."""
    others = [place for state, place in places.items() if state not in ends]
    hits = sum(any(_inside(point, place, 7) for place in others) for point in line)
    near = sum(_distance(a, b) < 9 for other in drawn for a, b in product(line[4:-4:2], other[4:-4:2]))
    detour = sum(_distance(a, b) for a, b in pairwise(line)) - _distance(line[0], line[-1])
    return hits * 1000 + near * 12 + detour


def _inside(point: Point, centre: Point, room: float) -> bool:
    wide, high = BOX
    return abs(point[0] - centre[0]) < wide / 2 + room and abs(point[1] - centre[1]) < high / 2 + room


def _on_curve(start: Point, middle: Point, end: Point, part: float) -> Point:
    rest = 1 - part
    x, y = (rest * rest * a + 2 * rest * part * b + part * part * c for a, b, c in zip(start, middle, end, strict=True))
    return round(x, 1), round(y, 1)


def _vector(start: Point, end: Point) -> Point:
    return end[0] - start[0], end[1] - start[1]


def _distance(start: Point, end: Point) -> float:
    dx, dy = _vector(start, end)
    return hypot(dx, dy)
