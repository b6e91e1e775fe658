"""Pictures of tables and machines: all is on them, nothing lies on anything else, and the files are up to date."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import combinations, pairwise
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from sagas import Abort, approval, child, diagrams, each, operations, parallel, saga, sleep, step, wait
from sagas.diagrams.labels import notes, span
from sagas.diagrams.lettering import width, wrap
from sagas.diagrams.machines import DRAWINGS, Drawing
from sagas.diagrams.marks import Marks, family_of, marks_of
from sagas.words.definition import Definition
from sagas.words.lifecycle import leads_to, step_machine
from sagas.words.rows import Row
from tests.sagas.world import World

PICTURES = Path(__file__).parents[2] / "docs" / "pictures"
SVG = "{http://www.w3.org/2000/svg}"
HOUR = timedelta(hours=1)


def act(context: object) -> None: ...
def undo(context: object) -> None: ...
def is_large(context: object) -> bool: ...
def find(context: object) -> None: ...


def undoable(name: str, **policy: Any) -> Row:
    return step(act, name=name, compensation=undo, **policy)


INNER = saga("shipping", undoable("ship"))
ORDER = saga(
    "order",
    parallel(step(act, name="look", reads_only=True), parallel(undoable("lock"), undoable("pack"), name="stock")),
    each("lines", undoable("line")),
    wait("paid"),
    approval("large", group="sales"),
    sleep(HOUR, name="nap"),
    child(INNER),
    step(act, name="confirm", pivot=True, probe=find),
    undoable("thank"),
    parallel(undoable("north"), undoable("south"), name="quotes", join=1),
    step(act, name="tell", optional=True),
    version=4,
    deadline=2 * HOUR,
)
LONG = saga(
    "l" * 63,
    parallel(
        undoable("m" * 63),
        parallel(each("w" * 63, undoable("q" * 63)), wait("paid_" * 12), name="n_" * 31),
        step(act, name="s" * 63, no_compensation="because " * 40),
    ),
    undoable("after"),
)
BIG = saga("big", *(undoable(f"step_{n}") for n in range(150)), parallel(*(undoable(f"side_{n}") for n in range(50))))


def parsed(definition: Definition, marks: Marks | None = None) -> ElementTree.Element:
    return ElementTree.fromstring(diagrams.svg(definition, marks))


def rows_of(picture: ElementTree.Element) -> dict[str, ElementTree.Element]:
    return {group.attrib["data-path"]: group for group in picture.iter(f"{SVG}g") if "data-path" in group.attrib}


def box_of(group: ElementTree.Element) -> tuple[float, float, float, float]:
    """Left, top, right, bottom of a row's outline."""
    shape = next(part for part in group if part.attrib.get("class") == "shape")
    if shape.tag == f"{SVG}rect":
        x, y, wide, high = (float(shape.attrib[name]) for name in ("x", "y", "width", "height"))
        return x, y, x + wide, y + high
    numbers = [float(number) for number in re.findall(r"[\d.]+", shape.attrib["d"])]
    return min(numbers[::2]), min(numbers[1::2]), max(numbers[::2]), max(numbers[1::2])


def texts(picture: ElementTree.Element) -> list[str]:
    return ["".join(text.itertext()) for text in picture.iter(f"{SVG}text")]


@pytest.mark.parametrize("table", [ORDER, LONG, BIG], ids=["order", "long", "big"])
def test_every_row_is_drawn_and_none_lies_on_another(table: Definition) -> None:
    picture = parsed(table)
    boxes = {path: box_of(group) for path, group in rows_of(picture).items()}
    assert boxes.keys() == table.places.keys()
    for group, members in table.members.items():
        left, top, right, low = boxes[group]
        for member in members:
            x1, y1, x2, y2 = boxes[member]
            assert left < x1 and top < y1 and x2 < right and y2 < low
    for siblings in (table.tops, *table.members.values()):
        for above, below in pairwise(siblings):
            assert boxes[above][3] < boxes[below][1]
    wide, high = float(picture.attrib["width"]), float(picture.attrib["height"])
    assert all(x2 < wide and y2 < high for _, _, x2, y2 in boxes.values())


@pytest.mark.parametrize("table", [ORDER, LONG, BIG], ids=["order", "long", "big"])
def test_what_is_written_in_a_row_stays_in_it(table: Definition) -> None:
    for group in rows_of(parsed(table)).values():
        _, top, right, low = box_of(group)
        for text in group.iter(f"{SVG}text"):
            size, bold = (14, True) if text.attrib.get("class") == "name" else (12, False)
            assert float(text.attrib["x"]) + width(text.text or "", size, bold=bold) < right
            assert top < float(text.attrib["y"]) < low


def test_a_picture_needs_no_more_room_than_a_telephone_has() -> None:
    assert float(parsed(BIG).attrib["width"]) <= 540
    assert "max-width: 100%" in diagrams.svg(ORDER)


def test_a_long_name_is_whole_and_a_long_reason_is_cut() -> None:
    group = rows_of(parsed(LONG))["m" * 63]
    assert "".join(texts(group)) == "m" * 63
    assert sum("because" in line for line in texts(parsed(LONG))) == 3


@pytest.mark.parametrize(
    ("row", "said"),
    [
        (undoable("a"), []),
        (step(act, reads_only=True, optional=True, local=True), ["reads only", "optional", "local"]),
        (step(act, pivot=True, probe=find), ["the point of no return", "in doubt: find"]),
        (undoable("a", when=is_large), ["only if is_large"]),
        (undoable("a", when=lambda context: True), ["only under a condition"]),
        (wait("paid"), ["waits for the signal, 1 day at most"]),
        (
            wait("paid", name="settled", timeout=HOUR, on_timeout="continue"),
            ["waits for the signal paid, 1 h at most", "then goes on"],
        ),
        (approval("large", group="sales"), ["sales decides, 1 day at most"]),
        (
            approval("large", on_no="continue", on_timeout="continue"),
            ["a person decides, 1 day at most", "a no goes on as well", "after that it goes on"],
        ),
        (sleep(HOUR, name="nap"), ["sleeps 1 h"]),
        (sleep(until=is_large, name="nap"), ["sleeps until is_large"]),
        (sleep(until=datetime(2026, 1, 1, tzinfo=UTC), name="nap"), ["sleeps until 2026-01-01 00:00 UTC"]),
        (child(INNER), ["saga shipping, version 1"]),
        (parallel(wait("a"), wait("b"), compensate="parallel"), ["undone side by side"]),
        (each("lines", undoable("a")), ["5 at a time"]),
        (
            each("lines", undoable("a"), items=find, max_failures=2, compensate="parallel"),
            ["from find, 5 at a time, 2 may fail, undone side by side"],
        ),
    ],
)
def test_what_a_reader_must_know_of_a_row_stands_on_it(row: Row, said: list[str]) -> None:
    assert notes(row) == said


def test_every_kind_of_row_is_known_by_its_outline() -> None:
    rows = rows_of(parsed(ORDER))
    outlines = {path: [(part.tag, part.attrib.get("class")) for part in rows[path]][1:3] for path in rows}
    assert len({str(outlines[path]) for path in ("lock", "paid", "shipping", "lines")}) == 4
    corners = {path: len(re.findall("[ML]", rows[path][1].attrib["d"])) for path in ("paid", "large")}
    assert corners == {"paid": 5, "large": 6}
    assert float(rows["nap"][1].attrib["rx"]) > float(rows["lock"][1].attrib["rx"])


def test_the_pivot_is_marked_and_what_comes_after_it_has_no_way_back() -> None:
    picture = parsed(ORDER)
    assert "pivot" in rows_of(picture)["confirm"].attrib["class"].split()
    assert any("point of no return: from here on" in text for text in texts(picture))
    told = picture.findtext(f"{SVG}desc") or ""
    assert "step lock, undone by undo" in told
    assert "step thank;" in told
    assert "step north, undone by undo" in told
    undone = [part for part in picture.iter(f"{SVG}g") if part.attrib.get("class", "").startswith("back")]
    assert len(undone) == len(("lock", "pack", "line", "shipping", "north", "south"))


@pytest.mark.parametrize(("table", "first", "last"), [(ORDER, "lock", "shipping"), (INNER, "ship", "ship")])
def test_the_way_back_leads_from_what_was_done_last_up_to_what_was_done_first(
    table: Definition, first: str, last: str
) -> None:
    picture = parsed(table)
    boxes = {path: box_of(group) for path, group in rows_of(picture).items()}
    ways = [path.attrib["d"] for path in picture.iter(f"{SVG}path") if path.attrib["class"] == "way"]
    (rail,) = [way for way in (re.findall(r"[\d.]+", way) for way in ways) if way[0] == way[2]]
    begins, ends = float(rail[1]), float(rail[3])
    assert boxes[last][1] < begins < boxes[last][3]
    assert ends < (boxes[first][1] + boxes[first][3]) / 2


def test_a_row_has_the_colour_of_its_state_and_says_it() -> None:
    marks = Marks(
        forward={"lock": "succeeded", "line": "2 failed, 3 succeeded", "paid": "waiting"}, back={"lock": "done"}
    )
    picture = parsed(ORDER, marks)
    rows = rows_of(picture)
    assert [rows[path].attrib["class"] for path in ("lock", "line", "paid", "nap")] == [
        "step well",
        "step trouble",
        "wait waits",
        "sleep",
    ]
    assert "2 failed, 3 succeeded" in texts(rows["line"])
    undone = {part.attrib["class"] for part in picture.iter(f"{SVG}g") if "back" in part.attrib["class"]}
    assert undone == {"back ", "back undone"}


def test_of_several_states_the_one_that_most_needs_a_look_gives_the_colour() -> None:
    assert family_of("3 succeeded, 1 failed") == "trouble"
    assert family_of("3 succeeded, 1 running") == "busy"
    assert family_of("timed_out") == "missed"
    assert family_of("") == ""


@pytest.mark.django_db(transaction=True)
def test_marks_are_read_from_a_saga(world: World, django_assert_num_queries: Any) -> None:
    def lock(ctx: Any) -> Any:
        if ctx.item == 3:
            raise Abort("none left")

    table = saga(
        "order",
        step(world.charge, compensation=world.refund),
        each("lines", step(lock, compensation=world.release), max_failures=1, concurrency=1),
        step(world.ship, reads_only=True, on_failure="incident"),
    )
    world.script("ship", Abort("no"))
    found = world.start(table, {"lines": [1, 2, 3]})
    world.work(found)
    with django_assert_num_queries(2):
        marks = marks_of(found)
    assert marks.forward == {
        "charge": "succeeded",
        "lines": "succeeded",
        "lock": "1 failed, 2 succeeded",
        "ship": "needs a person",
    }
    assert marks.back == {"charge": "owed", "lock": "2 owed, 1 unneeded"}
    operations.cancel(found.pk, actor="ann", reason="enough")
    world.work(found)
    assert marks_of(found).back == {"charge": "done", "lock": "2 done, 1 unneeded"}


def test_what_authors_write_cannot_break_a_picture() -> None:
    table = saga("order", step(act, name="end", no_compensation='"<b>&]}) #1;'), approval("large", group='"<b>" #1'))
    assert sum("<b>" in text for text in texts(parsed(table))) == 2
    assert 'r1{{"large<br/>#quot;#lt;b#gt;#quot; #35;1 decides, 1 day at most"}}' in diagrams.mermaid(table)
    table = saga("order", approval("large", group='"];\\'))
    assert r'r0 [label="large\n\"];\\ decides, 1 day at most" shape=hexagon];' in diagrams.dot(table)


EVERY_KIND = saga(
    "order",
    parallel(step(act, name="look", reads_only=True), undoable("lock")),
    wait("paid"),
    approval("large"),
    sleep(HOUR, name="nap"),
    child(INNER),
    step(act, name="confirm", pivot=True),
    undoable("thank"),
)


def test_a_table_as_a_graph_for_graphviz() -> None:
    assert (
        diagrams.dot(EVERY_KIND, Marks(forward={"lock": "running"}))
        == r"""
digraph "order" {
  rankdir=TB; compound=true;
  node [fontname="sans-serif" style=filled fillcolor=white];
  subgraph cluster0 {
    label="side by side";
    r1 [label="look\nreads only" shape=box];
    r2 [label="lock\nrunning" shape=box fillcolor="#dcedf8"];
  }
  r3 [label="paid\nwaits for the signal, 1 day at most" shape=cds];
  r4 [label="large\na person decides, 1 day at most" shape=hexagon];
  r5 [label="nap\nsleeps 1 h" shape=ellipse];
  r6 [label="shipping\nsaga shipping, version 1" shape=component];
  r7 [label="confirm\nthe point of no return" shape=box penwidth=3];
  r8 [label="thank" shape=box];
  r1 -> r3 [ltail=cluster0];
  r3 -> r4;
  r4 -> r5;
  r5 -> r6;
  r6 -> r7;
  r7 -> r8 [label="the point of no return"];
  u6 [label="shipping\nby its own table" shape=box style="filled,dashed"];
  r6 -> u6 [style=dashed constraint=false];
  u2 [label="undo" shape=box style="filled,dashed"];
  r2 -> u2 [style=dashed constraint=false];
  u6 -> u2 [style=dashed];
}
"""[1:]
    )


def test_a_table_as_mermaid() -> None:
    assert (
        diagrams.mermaid(EVERY_KIND, Marks(forward={"lock": "running"}))
        == """\
flowchart TB
  subgraph r0["side by side"]
    r1["look<br/>reads only"]
    r2["lock<br/>running"]
  end
  r3>"paid<br/>waits for the signal, 1 day at most"]
  r4{{"large<br/>a person decides, 1 day at most"}}
  r5(["nap<br/>sleeps 1 h"])
  r6[["shipping<br/>saga shipping, version 1"]]
  r7["confirm<br/>the point of no return"]
  r8["thank"]
  r0 --> r3
  r3 --> r4
  r4 --> r5
  r5 --> r6
  r6 --> r7
  r7 -->|"the point of no return"| r8
  u6["shipping<br/>by its own table"]
  r6 -.->|"undone by"| u6
  u2["undo"]
  r2 -.->|"undone by"| u2
  u6 -.-> u2
  classDef busy fill:#dcedf8,color:#1f2933
  class r2 busy
  classDef back stroke-dasharray:4 3
  class u2,u6 back
  classDef pivot stroke-width:4px
  class r7 pivot
"""
    )


def test_what_the_saga_can_go_on_without_is_undone_at_once_and_not_in_the_order_of_the_way_back() -> None:
    text = diagrams.mermaid(ORDER)
    assert text.count("undone by") == 6
    assert text.count(" -.-> ") == 3


@pytest.mark.parametrize(
    ("time", "said"),
    [
        (HOUR, "1 h"),
        (timedelta(minutes=90), "90 min"),
        (timedelta(days=2), "2 days"),
        (timedelta(days=1), "1 day"),
        (timedelta(seconds=61), "61 s"),
        (timedelta(milliseconds=500), "0.5 s"),
    ],
)
def test_a_length_of_time_is_said_in_its_largest_unit(time: timedelta, said: str) -> None:
    assert span(time) == said


@pytest.mark.parametrize("text", ["lock_stock_and_barrel", "two words and more", "m" * 40, "", "_" * 30])
def test_broken_text_is_whole_and_fits(text: str) -> None:
    lines = wrap(text, 12, 100)
    assert "".join(lines).replace(" ", "") == text.replace(" ", "")
    assert all(width(line, 12) <= 100 for line in lines)


def test_the_pictures_of_the_machines_are_up_to_date() -> None:
    """After a change of `lifecycle`, `sagas/diagrams/machines.py` says how to write them anew."""
    for name, text in diagrams.machines().items():
        assert (PICTURES / name).read_text() == text


@pytest.mark.parametrize("drawing", DRAWINGS.values(), ids=DRAWINGS)
def test_every_arrow_of_a_machine_is_drawn_and_goes_through_no_other_state(drawing: Drawing) -> None:
    name = next(name for name, known in DRAWINGS.items() if known is drawing)
    text, picture = diagrams.machines()[f"{name}.mmd"], parsed_machine(name)
    arrows = {(here, there) for here in drawing.machine.states for there in leads_to(drawing.machine, here)}
    assert {(here, there) for here, there in re.findall(r"^  (\w+) --> (\w+)$", text, re.MULTILINE)} == arrows
    lines = list(lines_of(picture))
    assert len(lines) == len({frozenset(arrow) for arrow in arrows})
    for line in lines:
        touched = {state for state, (x, y) in drawing.places.items() for point in line if near(point, x, y)}
        assert touched == set()


def parsed_machine(name: str) -> ElementTree.Element:
    return ElementTree.fromstring(diagrams.machines()[f"{name}.svg"])


def lines_of(picture: ElementTree.Element) -> Iterator[list[tuple[float, float]]]:
    for path in picture.iter(f"{SVG}path"):
        if path.attrib["class"] == "arrow":
            numbers = [float(number) for number in re.findall(r"-?[\d.]+", path.attrib["d"])]
            yield list(zip(numbers[::2], numbers[1::2], strict=True))


def near(point: tuple[float, float], x: float, y: float) -> bool:
    return abs(point[0] - x) < 64 and abs(point[1] - y) < 18


def test_no_two_states_stand_in_one_place() -> None:
    for drawing in DRAWINGS.values():
        assert all(one != other for one, other in combinations(drawing.places.values(), 2))


@pytest.mark.parametrize("grid", ["due running", "pending due running waiting " + "succeeded failed unknown"])
def test_a_state_without_a_place_is_a_mistake(grid: str) -> None:
    drawing = Drawing(title="A row", machine=step_machine, grid=grid, colours={}, ends=())
    with pytest.raises(ValueError, match="give every state of the machine, and no other, its place"):
        _ = drawing.places
