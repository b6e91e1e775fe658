"""A saga's table as a graph in Graphviz' language, for documents that are drawn with `dot`."""

from collections.abc import Iterable, Iterator
from itertools import pairwise

from sagas.diagrams.labels import heading, kind_of, notes
from sagas.diagrams.marks import family_of
from sagas.diagrams.numbered import COLOURS, Numbered
from sagas.words.rows import GROUPS

SHAPES = {"step": "box", "wait": "cds", "approval": "hexagon", "sleep": "ellipse", "child": "component"}
ALL = ["  rankdir=TB; compound=true;", '  node [fontname="sans-serif" style=filled fillcolor=white];']


class Graph(Numbered):
    """Writes one table."""

    def written(self) -> str:
        nodes = [line for path in self.definition.tops for line in self.node(path, "  ")]
        return "\n".join([f"digraph {_quoted(self.definition.name)} {{", *ALL, *nodes, *self.edges(), "}"]) + "\n"

    def node(self, path: str, indent: str) -> Iterator[str]:
        row, number = self.definition.places[path].row, self.number[path]
        mark = self.marks.forward.get(path, "")
        label = _quoted(*[heading(row), *notes(row), mark])
        if isinstance(row, GROUPS):
            yield f"{indent}subgraph cluster{number} {{"
            yield f"{indent}  label={label};"
            for member in self.definition.members[path]:
                yield from self.node(member, indent + "  ")
            yield f"{indent}}}"
            return
        wide = " penwidth=3" if path in self.pivots else ""
        yield f"{indent}r{number} [label={label} shape={SHAPES[kind_of(row)]}{_fill(mark)}{wide}];"

    def edges(self) -> Iterator[str]:
        """The way forward, and below it what undoes a row, in the order in which that is done."""
        for path, following in pairwise(self.definition.tops):
            about = [f"{end}=cluster{self.number[row]}" for end, row in self._clusters(path, following)]
            about += ['label="the point of no return"'] if path in self.pivots else []
            yield f"  r{self._within(path)} -> r{self._within(following)}{_about(about)};"
        for one in self.undoings():
            mark = self.marks.back.get(one.path, "")
            label = _quoted(one.name, one.note, mark)
            yield f'  {one.node} [label={label} shape=box style="filled,dashed"{_fill(mark)}];'
            group = isinstance(self.definition.places[one.path].row, GROUPS)
            about = [f"ltail=cluster{self.number[one.path]}"] if group else []
            yield f"  r{self._within(one.path)} -> {one.node}{_about([*about, 'style=dashed', 'constraint=false'])};"
            if one.after:
                yield f"  {one.after} -> {one.node} [style=dashed];"

    def _clusters(self, path: str, following: str) -> Iterator[tuple[str, str]]:
        """Which ends of an edge are groups: it is drawn to a member, and cut off at the group's border."""
        for end, row in (("ltail", path), ("lhead", following)):
            if isinstance(self.definition.places[row].row, GROUPS):
                yield end, row

    def _within(self, path: str) -> int:
        """A node of that row: its own, or that of a group's first member."""
        while isinstance(self.definition.places[path].row, GROUPS):
            path = self.definition.members[path][0]
        return self.number[path]


def _fill(mark: str) -> str:
    fill = COLOURS.get(family_of(mark), "")
    return f' fillcolor="{fill}"' if fill else ""


def _about(words: Iterable[str]) -> str:
    said = " ".join(words)
    return f" [{said}]" if said else ""


def _quoted(*words: str) -> str:
    """A text in quotes, a line for each of the words that there are."""
    lines = (word.replace("\\", "\\\\").replace('"', '\\"') for word in words if word)
    return '"' + "\\n".join(lines) + '"'
