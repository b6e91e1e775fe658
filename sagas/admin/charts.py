"""Numbers as small pictures: columns in per cent of their box, so that a page needs neither a script nor a style."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

LEAST = 4.0
"""A column that is not nothing is at least so high, in per cent."""


@dataclass(frozen=True, kw_only=True)
class Column:
    """One column: where it stands and how high it is, in per cent; `title` says it in words."""

    x: float
    y: float
    width: float
    height: float
    kind: str
    title: str


@dataclass(frozen=True, kw_only=True)
class Spark:
    """A row of columns, the oldest first, and what they say in words."""

    columns: list[Column]
    words: str


def spark(counts: Mapping[int, int], length: int, what: str) -> Spark:
    """Columns for what happened 0, 1, 2 … units ago, up to `length`."""
    heights = [counts.get(ago, 0) for ago in reversed(range(length))]
    return Spark(columns=columns([{"new": height} for height in heights], ["new"]), words=_words(heights, what))


def columns(stacks: Sequence[Mapping[str, int]], kinds: Sequence[str], titles: Sequence[str] = ()) -> list[Column]:
    """Stacked columns side by side, the kinds from below upwards, on the scale of the highest."""
    highest = max((sum(stack.values()) for stack in stacks), default=0)
    if not highest:
        return []
    width, found = 100 / len(stacks), []
    for number, stack in enumerate(stacks):
        top = 100.0
        for kind in kinds:
            if not (count := stack.get(kind, 0)):
                continue
            height = max(LEAST, 100 * count / highest)
            top -= height
            said = "still in need of a person" if kind == "stuck" else kind
            title = f"{titles[number]}: {count} {said}" if titles else f"{count} {said}"
            found.append(
                Column(
                    x=round(number * width + width * 0.1, 2),
                    y=round(max(0.0, top), 2),
                    width=round(width * 0.8, 2),
                    height=round(height, 2),
                    kind=kind,
                    title=title,
                )
            )
    return found


def _words(heights: Sequence[int], what: str) -> str:
    if not any(heights):
        return f"none {what}"
    return f"{sum(heights)} {what}, at most {max(heights)} in one, {heights[-1]} in the last"
