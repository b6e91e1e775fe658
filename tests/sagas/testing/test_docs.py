"""The page for teams: every story on it is played, and what it shows is what is shown."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from sagas import testing
from sagas.testing import Story, StoryFailed, failure_matrix, given

PAGE = (Path(__file__).resolve().parents[3] / "docs" / "testing-your-sagas.md").read_text()
MODULE: dict[str, Any] = {"__name__": "shop_in_the_docs"}

exec(compile("\n".join(re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)), "testing-your-sagas.md", "exec"), MODULE)

pytestmark = pytest.mark.django_db


def stories() -> Iterator[Any]:
    """Every test on the page, with each of its parameters."""
    for name, story in MODULE.items():
        if name.startswith("test_"):
            marks = [mark for mark in getattr(story, "pytestmark", []) if mark.name == "parametrize"]
            given_to = [(value,) for value in marks[0].args[1]] if marks else [()]
            yield from (pytest.param(story, args, id=f"{name}-{n}") for n, args in enumerate(given_to))


@pytest.mark.parametrize(("story", "args"), list(stories()))
def test_the_story_holds(story: Callable[..., None], args: tuple[Any, ...]) -> None:
    story(*args)


def shown(text: str) -> list[list[str]]:
    """Lines by their words; times, ids and workers differ."""
    text = re.sub(r"[0-9a-f]{8}-\S+", "ID", re.sub(r"worker …\w+", "worker", re.sub(r"\d+\.\d s", "SECONDS", text)))
    return [re.sub(r"since .*? until .*?;", "since until;", line).split() for line in text.strip().splitlines()]


def test_the_failure_it_shows_is_how_a_failure_looks() -> None:
    run = given(MODULE["order"], input=MODULE["ORDER"], steps={"*": {}})
    with pytest.raises(StoryFailed) as failed:
        run.ends("completed")
    on_the_page = re.search(r"```text\n(Expected.*?)```", PAGE, re.DOTALL)
    assert on_the_page and shown(str(failed.value)) == shown(on_the_page[1])


def test_the_matrix_it_shows_is_the_matrix() -> None:
    def cells(text: str) -> list[list[str]]:
        lines = [re.split("[│┃]", line.strip())[1:-1] for line in text.splitlines()]
        return [[cell.strip() for cell in line] for line in lines if len(line) == 5]

    on_the_page = re.search(r"```text\n(│.*?)```", PAGE, re.DOTALL)
    assert on_the_page
    real = cells(str(failure_matrix(MODULE["order"], input=MODULE["ORDER"])))
    for line in cells(on_the_page[1]):
        assert line in real


def test_every_word_is_on_the_page() -> None:
    of_stories = [name for name in dir(Story) if not name.startswith("_") and callable(getattr(Story, name))]
    silent = {"fail", "settles", "telling"}
    missing = {name for name in {*of_stories, *testing.__all__} - silent if name not in PAGE}
    assert missing == {"Story", "StoryFailed", "Exploration", "Matrix"}
