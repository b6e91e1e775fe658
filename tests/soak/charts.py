"""Charts as SVG, drawn by a few lines of our own: bars over time or over classes, lines, and marks for faults."""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

WIDTH, HEIGHT = 960, 240
LEFT, RIGHT, TOP, BOTTOM = 56, 12, 28, 34
INK, SOFT, BAR, MARK = "#24292f", "#d0d7de", "#4f8cc9", "#d1582f"
TICKS = 5


@dataclass(frozen=True)
class Mark:
    """Something that went on from one place of the axis to another."""

    begin: float
    end: float
    title: str


class Chart:
    """A drawing with axes, from 0 to `across` and from 0 to `high`."""

    def __init__(self, title: str, across: float, high: float, *, unit: str, measure: str) -> None:
        self._across, self._high = max(across, 1e-9), max(high, 1e-9)
        self._parts = [_text(LEFT, 16, title, size=14)]
        self._axes(unit, measure)

    def bars(self, heights: Sequence[float]) -> None:
        """Bars side by side over the whole width."""
        width = self._across / max(len(heights), 1)
        for number, height in enumerate(heights):
            x, y = self._x(number * width), self._y(height)
            wide = self._x((number + 1) * width) - x
            self._parts.append(_box(x, y, max(wide - 1, 0.5), self._y(0) - y, BAR, title=f"{height:g}"))

    def line(self, points: Sequence[tuple[float, float]]) -> None:
        """A line through these points."""
        path = " ".join(f"{self._x(x):.1f},{self._y(y):.1f}" for x, y in points)
        self._parts.append(f'<polyline points="{path}" fill="none" stroke="{BAR}" stroke-width="1.5"/>')

    def marks(self, marks: Sequence[Mark]) -> None:
        """Faults, above and behind everything else."""
        for mark in marks:
            x = self._x(mark.begin)
            wide = max(self._x(mark.end) - x, 1.5)
            self._parts.append(_box(x, TOP, wide, HEIGHT - TOP - BOTTOM, MARK, opacity=0.13, title=mark.title))

    def limit(self, at: float, title: str) -> None:
        """A line across the axis that must not be passed."""
        x = self._x(at)
        self._parts.append(f'<path d="M{x:.1f} {TOP} V{HEIGHT - BOTTOM}" stroke="{MARK}" stroke-dasharray="4 3"/>')
        self._parts.append(_text(x - 4, TOP + 10, title, anchor="end"))

    def __str__(self) -> str:
        body = "\n".join(self._parts)
        return (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif">\n'
            f'<rect width="{WIDTH}" height="{HEIGHT}" fill="white"/>\n{body}\n</svg>\n'
        )

    def _axes(self, unit: str, measure: str) -> None:
        for tick in range(TICKS + 1):
            across, high = self._across * tick / TICKS, self._high * tick / TICKS
            y = self._y(high)
            self._parts.append(f'<path d="M{LEFT} {y:.1f} H{WIDTH - RIGHT}" stroke="{SOFT}"/>')
            self._parts.append(_text(LEFT - 6, y + 4, f"{high:.3g}", anchor="end"))
            self._parts.append(_text(self._x(across), HEIGHT - BOTTOM + 14, f"{across:.3g}", anchor="middle"))
        self._parts.append(_text(WIDTH - RIGHT, HEIGHT - 4, unit, anchor="end"))
        self._parts.append(_text(WIDTH - RIGHT, 16, measure, anchor="end"))

    def _x(self, value: float) -> float:
        return LEFT + (WIDTH - LEFT - RIGHT) * value / self._across

    def _y(self, value: float) -> float:
        return HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * min(value / self._high, 1)


def _box(x: float, y: float, wide: float, high: float, colour: str, *, title: str, opacity: float = 1) -> str:
    size = f'x="{x:.1f}" y="{y:.1f}" width="{wide:.1f}" height="{max(high, 0):.1f}"'
    return f'<rect {size} fill="{colour}" opacity="{opacity}"><title>{escape(title)}</title></rect>'


def _text(x: float, y: float, text: str, *, size: int = 11, anchor: str = "start") -> str:
    place = f'x="{x:.1f}" y="{y:.1f}" font-size="{size}" text-anchor="{anchor}"'
    return f'<text {place} fill="{INK}">{escape(text)}</text>'
