"""Pictures: of a saga's table, plain or coloured with how a saga stands, and of the state machines.

svg(definition, marks_of(saga))     a picture that needs nothing but itself
mermaid(definition)                 the same as text
dot(definition)                     the same for Graphviz
"""

from collections.abc import Callable

from sagas.diagrams.dot import Graph
from sagas.diagrams.machines import machines, write_machines
from sagas.diagrams.marks import Marks, marks_of
from sagas.diagrams.mermaid import Flowchart
from sagas.diagrams.table import Picture
from sagas.words.definition import Definition

__all__ = ["Marks", "dot", "machines", "marks_of", "mermaid", "svg", "write_machines"]


def svg(
    definition: Definition,
    marks: Marks | None = None,
    *,
    link: Callable[[str], str] | None = None,
    folded: bool = False,
) -> str:
    """A saga's table as an SVG picture, which follows light and dark; `marks` colour its rows by their states.

    For a page that brings `diagram.css` itself, `link` says where a click on a row's path leads to. `folded` draws many
    rows in a line that stand alike as one, so that a long table fits a screen.
    """
    return Picture(definition, marks or Marks(), link=link, folded=folded).drawn()


def mermaid(definition: Definition, marks: Marks | None = None) -> str:
    """A saga's table as a mermaid flowchart."""
    return Flowchart(definition, marks or Marks()).written()


def dot(definition: Definition, marks: Marks | None = None) -> str:
    """A saga's table as a graph for Graphviz' `dot`."""
    return Graph(definition, marks or Marks()).written()
