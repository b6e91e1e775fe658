"""What `docs/guarantees.md` says shows a promise must be there to be run."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/guarantees.md").read_text()


def test_every_promise_names_something_that_shows_it() -> None:
    promises = re.findall(r"^\d+\. \*\*.*(?:\n   .*)*", PAGE, flags=re.MULTILINE)
    assert len(promises) == 14
    assert [promise for promise in promises if not re.search(r"`(tests/|make )", promise)] == []


def test_every_test_that_is_named_is_there() -> None:
    named = re.findall(r"`(?:\w+=\w+ )*(?:pytest )?(tests/[\w/.]+)`", PAGE)
    assert len(named) > 10
    assert [name for name in named if not (ROOT / name).exists()] == []


def test_every_command_that_is_named_is_there() -> None:
    targets = re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), flags=re.MULTILINE)
    named = re.findall(r"`make ([a-z-]+)", PAGE)
    assert len(named) > 10
    assert set(named) <= set(targets)
