"""How wide text is, and where it breaks, without asking a browser."""

import re
from collections.abc import Callable, Iterator

WIDE, NARROW = frozenset("mwMW@%…—"), frozenset("iljtfrI.,:;'|!()[] ")
BOLD = 1.12


def width(text: str, size: float, *, bold: bool = False) -> float:
    """At most how wide it is, also in the widest of the usual sans-serif fonts."""
    parts = sum(0.97 if c in WIDE else 0.42 if c in NARROW else 0.76 if c.isupper() else 0.64 for c in text)
    return parts * size * (BOLD if bold else 1)


def wrap(text: str, size: float, room: float, most: int = 9, *, bold: bool = False) -> list[str]:
    """The text in lines that fit the room, broken after blanks and underscores; `most` lines, the last one cut."""

    def fits(part: str) -> bool:
        return width(part.rstrip(), size, bold=bold) <= room

    lines = [""]
    for word in _words(text, fits):
        if fits(lines[-1] + word):
            lines[-1] += word
        else:
            lines.append(word)
    lines = [line.strip() for line in lines if line.strip()]
    return lines if len(lines) <= most else [*lines[: most - 1], lines[most - 1][:-1] + "…"]


def _words(text: str, fits: Callable[[str], bool]) -> Iterator[str]:
    """What must stay together; a word wider than the room is cut where it must be."""
    for word in re.findall(r"[^\s_]*[\s_]*", text):
        while not fits(word):
            length = max(1, next(n for n in range(len(word), -1, -1) if fits(word[:n])))
            yield word[:length]
            word = word[length:]
        yield word
