"""Every how-to is a module: its Python blocks are run from top to bottom, and the tests in them are tests here."""

import re
import sys
from types import ModuleType

import pytest

from sagas.words import routes
from sagas.words.definition import Definition
from sagas.words.faults import faults_of
from tests.docs.pages import DOCS

PAGES = {path.stem.replace("-", "_"): path for path in sorted((DOCS / "howto").glob("*.md"))}


def source(name: str) -> str:
    """The page with all but its Python blocks as empty lines, so that errors name the lines of the page."""
    lines, inside = [], False
    for line in PAGES[name].read_text().splitlines():
        fence = line.startswith("```")
        lines.append(line if inside and not fence else "")
        inside = line == "```python" if fence else inside
    return "\n".join(lines)


def run(name: str) -> ModuleType:
    found = ModuleType(f"{__name__}.{name}")
    sys.modules[found.__name__] = found  # pydantic looks there for the names in annotations
    with routes.Replaced():  # what a page says of events is for its own tests
        exec(compile(source(name), PAGES[name], "exec", dont_inherit=True), vars(found))
    return found


MODULES = {name: run(name) for name in PAGES}
TESTS = {
    f"test_{name}: {test.removeprefix('test_')}": function
    for name, module in MODULES.items()
    for test, function in vars(module).items()
    if test.startswith("test_")
}
globals().update(TESTS)


@pytest.mark.parametrize("name", PAGES)
def test_every_page_says_what_it_is_for_and_shows_it_at_work(name: str) -> None:
    assert re.match(r"# \w.*\n\n\w", PAGES[name].read_text())
    assert any(title.startswith(f"test_{name}: ") for title in TESTS)


@pytest.mark.parametrize("name", PAGES)
def test_the_tables_of_a_page_are_in_order(name: str) -> None:
    tables = [thing for thing in vars(MODULES[name]).values() if isinstance(thing, Definition)]
    assert [fault for table in tables for fault in faults_of(table)] == []
