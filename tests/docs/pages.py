"""The pages of the docs, as tests read them."""

import re
from pathlib import Path

DOCS = Path(__file__).resolve().parents[2] / "docs"


def page(name: str) -> str:
    return (DOCS / name).read_text()


def section(text: str, title: str) -> str:
    """What stands below that heading, up to the next one of its rank or above."""
    heading = re.search(rf"^(#+) {re.escape(title)}$", text, re.MULTILINE)
    assert heading, f"There is no heading {title!r}."
    rest = text[heading.end() :]
    ends = re.search(rf"^#{{1,{len(heading[1])}}} ", rest, re.MULTILINE)
    return rest[: ends.start()] if ends else rest


def first_cells(text: str) -> list[str]:
    """The first cell of every line of the tables in a text, but for their heads."""
    lines = re.findall(r"^\| (.*?) \|", text, re.MULTILINE)
    heads = set(re.findall(r"^\| (.*?) \|.*\n\|-", text, re.MULTILINE))
    return [cell for cell in lines if cell not in heads]


def quoted(cells: list[str]) -> list[str]:
    """All words in code font in these cells."""
    return [word for cell in cells for word in re.findall(r"`([^`]+)`", cell)]
