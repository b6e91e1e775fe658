"""A sheet to draw on: boxes, lines and text in SVG, with the colours of `diagram.css`."""

import re
from functools import cache
from html import escape
from math import hypot
from pathlib import Path

import sagas

Point = tuple[float, float]
CUT, POINT, BARS = 9, 12, 6
"""How far a wait is notched and an approval pointed, and how wide a child's bars are, in pixels."""


class Sheet:
    """Parts of a picture in the order in which they lie on each other. Lengths are in pixels."""

    def __init__(self) -> None:
        self.parts: list[str] = []

    def add(self, part: str, at: int | None = None) -> None:
        """Lay a part on top, or under those from a number on."""
        self.parts.insert(len(self.parts) if at is None else at, part)

    def text(self, x: float, y: float, words: str, style: str = "", anchor: str = "") -> None:
        css = f' class="{style}"' if style else ""
        middle = f' text-anchor="{anchor}"' if anchor else ""
        self.add(f'<text x="{x:g}" y="{y:g}"{css}{middle}>{escape(words)}</text>')

    def line(self, *points: Point, style: str = "arrow", head: str = "head") -> None:
        """A line through these points, with a head at its end unless that is empty."""
        self.add(f'<path class="{style}" d="{_through(points)}"/>')
        if head:
            (x1, y1), (x2, y2) = points[-2:]
            self.head((x2, y2), (x2 - x1, y2 - y1), head)

    def head(self, tip: Point, along: Point, style: str = "head") -> None:
        """An arrow's head at a point, in the direction of a vector."""
        (x, y), (dx, dy) = tip, along
        length = hypot(dx, dy) or 1
        ux, uy = dx / length, dy / length
        left, right = (x - 8 * ux - 4 * uy, y - 8 * uy + 4 * ux), (x - 8 * ux + 4 * uy, y - 8 * uy - 4 * ux)
        self.polygon(tip, left, right, style=style)

    def polygon(self, *corners: Point, style: str = "shape") -> None:
        self.add(f'<path class="{style}" d="{_through(corners)}Z"/>')

    def rect(self, x: float, y: float, width: float, height: float, *, style: str = "shape", corner: float = 6) -> None:
        self.add(
            f'<rect class="{style}" x="{x:g}" y="{y:g}" width="{width:g}" height="{height:g}" '
            f'rx="{min(corner, height / 2):g}"/>'
        )

    def shape(self, kind: str, x: float, y: float, width: float, height: float) -> None:
        """The outline by which a kind of row is known."""
        right, low, middle = x + width, y + height, y + height / 2
        match kind:
            case "wait":
                self.polygon((x, y), (right, y), (right, low), (x, low), (x + CUT, middle))
            case "approval":
                near, far = x + POINT, right - POINT
                self.polygon((near, y), (far, y), (right, middle), (far, low), (near, low), (x, middle))
            case "sleep":
                self.rect(x, y, width, height, corner=height)
            case "child":
                self.rect(x, y, width, height, corner=2)
                for bar in (x + BARS, right - BARS):
                    self.line((bar, y), (bar, low), style="frame", head="")
            case _:
                self.rect(x, y, width, height)

    def finished(self, width: float, height: float, title: str, description: str, *, alone: bool = True) -> str:
        """The whole picture: `alone` it needs nothing but itself, else a page brings the style."""
        role = "img" if alone else "group"
        own = [f"<desc>{escape(description)}</desc>", f"<style>{style()}</style>"] if alone else []
        return "\n".join(
            [
                f'<svg xmlns="http://www.w3.org/2000/svg" class="saga-diagram" width="{width:g}" height="{height:g}" '
                f'viewBox="0 0 {width:g} {height:g}" role="{role}" aria-label="{escape(title)}">',
                f"<title>{escape(title)}</title>",
                *own,
                '<rect width="100%" height="100%" rx="6" fill="var(--paper)"/>',
                *self.parts,
                "</svg>\n",
            ]
        )


@cache
def style() -> str:
    sheet = Path(sagas.__file__).with_name("static") / "sagas" / "diagram.css"
    return re.sub(r"/\*.*?\*/\s*", "", sheet.read_text(), flags=re.DOTALL).strip()


def _through(points: tuple[Point, ...]) -> str:
    return "M" + "L".join(f"{x:g} {y:g}" for x, y in points)
