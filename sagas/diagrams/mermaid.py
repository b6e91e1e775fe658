"""A saga's table as mermaid text, which many pages draw by themselves."""

from collections.abc import Iterable, Iterator
from itertools import pairwise

from sagas.diagrams.labels import heading, kind_of, notes, undoing
from sagas.diagrams.marks import family_of
from sagas.diagrams.numbered import COLOURS, Numbered
from sagas.words.rows import GROUPS

SHAPES = {
    "step": '["{}"]',
    "wait": '>"{}"]',
    "approval": '{{{{"{}"}}}}',
    "sleep": '(["{}"])',
    "child": '[["{}"]]',
}
CLASSES = {
    **{family: f"fill:{colour},color:#1f2933" for family, colour in COLOURS.items()},
    "pivot": "stroke-width:4px",
    "back": "stroke-dasharray:4 3",
}


class Flowchart(Numbered):
    """Writes one table."""

    def written(self) -> str:
        nodes = [line for path in self.definition.tops for line in self.node(path, "  ")]
        return "\n".join(["flowchart TB", *nodes, *self.forward(), *self.back(), *self.classes()]) + "\n"

    def node(self, path: str, indent: str) -> Iterator[str]:
        row, number = self.definition.places[path].row, self.number[path]
        words = [heading(row), *notes(row), self.marks.forward.get(path, "")]
        if not isinstance(row, GROUPS):
            yield f"{indent}r{number}{SHAPES[kind_of(row)].format(_joined(words, '<br/>'))}"
            return
        yield f'{indent}subgraph r{number}["{_joined(words, ", ")}"]'  # mermaid writes a second line over the members
        for member in self.definition.members[path]:
            yield from self.node(member, indent + "  ")
        yield f"{indent}end"

    def forward(self) -> Iterator[str]:
        tops = self.definition.tops
        for path, following in pairwise(tops):
            label = '|"the point of no return"|' if path in self.pivots else ""
            yield f"  r{self.number[path]} -->{label} r{self.number[following]}"

    def back(self) -> Iterator[str]:
        """What undoes a row, and the order in which that is done."""
        for one in self.undoings():
            words = [one.name, one.note, self.marks.back.get(one.path, "")]
            yield f'  {one.node}["{_joined(words, "<br/>")}"]'
            yield f'  r{self.number[one.path]} -.->|"undone by"| {one.node}'
            if one.after:
                yield f"  {one.after} -.-> {one.node}"

    def classes(self) -> Iterator[str]:
        said: dict[str, list[str]] = {}
        for path, number in self.number.items():
            for css in (family_of(self.marks.forward.get(path, "")), "pivot" if path in self.pivots else ""):
                said.setdefault(css, []).append(f"r{number}")
            if (undoing(self.definition, self.definition.places[path]) or ("",))[0]:
                said.setdefault("back", []).append(f"u{number}")
                said.setdefault(family_of(self.marks.back.get(path, "")), []).append(f"u{number}")
        for css, nodes in said.items():
            if css:
                yield f"  classDef {css} {CLASSES[css]}"
                yield f"  class {','.join(nodes)} {css}"


def _joined(words: Iterable[str], by: str) -> str:
    return by.join(_escaped(word) for word in words if word)


def _escaped(text: str) -> str:
    """Mermaid writes what could end a text as #name;."""
    for character, code in (("#", "#35;"), ('"', "#quot;"), ("<", "#lt;"), (">", "#gt;")):
        text = text.replace(character, code)
    return text
