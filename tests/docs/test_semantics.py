"""The page of the contract names what the code has, all of it and nothing else."""

import inspect
import re
from collections.abc import Callable
from typing import Any

import pytest

from sagas import operations
from sagas.diagrams import machines
from sagas.engine.answers import Meaning, meaning_of
from sagas.words import authoring
from sagas.words.lifecycle import SAGA, STEP, UNDO
from sagas.words.retry import STANDARD
from sagas.words.rows import Step
from sagas.words.verdict import Reason
from tests.docs.pages import DOCS, first_cells, page, quoted, section

SEMANTICS = page("semantics.md")
OPERATING = page("operating.md")
MACHINES = {
    "The states of a saga": SAGA,
    "The states of a row, forward": STEP,
    "The states of a row's way back": UNDO,
}
BUILDERS = ["saga", "step", "wait", "approval", "sleep", "child", "parallel", "each"]
POSITIONAL = {"saga": {"name", "rows"}, "wait": {"signal"}, "approval": {"name"}, "each": {"name", "row"}}
FUNCTIONS = {name for name in operations.__all__ if inspect.isfunction(getattr(operations, name))}
ABOUT_VERBS = {"allowed", "effects_in_place", "preview", "wait_for"}
SAID = {"done": Meaning.DONE, "not now": Meaning.NOT_NOW, "shut out": Meaning.DENIED, "refused": Meaning.REFUSED}


@pytest.mark.parametrize("title", MACHINES)
def test_every_state_and_every_arrow_has_its_line(title: str) -> None:
    arrows = MACHINES[title]
    cells = first_cells(section(SEMANTICS, title))
    drawn = [tuple(quoted([cell])) for cell in cells if "→" in cell]
    named = quoted([cell for cell in cells if "→" not in cell])
    assert sorted(named) == sorted(arrows)
    assert sorted(drawn) == sorted((state, target) for state in arrows for target in arrows[state].split())


def test_the_pictures_of_the_machines_are_what_the_code_draws() -> None:
    for name, drawn in machines().items():
        assert (DOCS / "pictures" / name).read_text() == drawn
        assert not name.endswith(".svg") or f"(pictures/{name})" in SEMANTICS


def test_every_verb_has_its_line() -> None:
    verbs = section(SEMANTICS, "Verbs")
    assert set(quoted(first_cells(verbs))) == FUNCTIONS - ABOUT_VERBS
    assert all(f"`{name}`" in verbs for name in ABOUT_VERBS)


@pytest.mark.parametrize("builder", BUILDERS)
def test_every_keyword_of_a_row_has_its_line(builder: str) -> None:
    build: Callable[..., Any] = getattr(authoring, builder)
    keywords = inspect.signature(build).parameters.keys() - POSITIONAL.get(builder, set())
    keywords -= {"action", "rows", "definition"} if builder in ("step", "parallel", "child") else set()
    assert sorted(quoted(first_cells(section(SEMANTICS, f"`{builder}`")))) == sorted(keywords)


def test_every_builder_has_its_section() -> None:
    titles = re.findall(r"^### `(\w+)`$", SEMANTICS, re.MULTILINE)
    assert titles == BUILDERS
    assert set(BUILDERS) == {name for name, thing in vars(authoring).items() if _is_builder(name, thing)}


@pytest.mark.parametrize("reason", Reason)
def test_every_reason_of_an_incident_is_named_and_explained(reason: Reason) -> None:
    assert f"`{reason}`" in section(SEMANTICS, "Incidents")
    assert reason in quoted(first_cells(section(OPERATING, "Incidents")))


def test_no_reason_is_explained_that_there_is_not() -> None:
    assert sorted(quoted(first_cells(section(OPERATING, "Incidents")))) == sorted(Reason)


def test_every_verb_is_explained_to_who_is_on_call() -> None:
    assert set(quoted(first_cells(section(OPERATING, "Verbs")))) == FUNCTIONS - ABOUT_VERBS


def test_the_table_of_answers_says_what_they_mean() -> None:
    table = section(SEMANTICS, "What a service's answer means")
    rows = re.findall(r"^\| ([^|]*[1-5]\d\d[^|]*) \| ([^|;]*?)(?:;[^|]*)? \|", table, re.MULTILINE)
    told = {
        (int(status), "that is no" not in answer): SAID[said]
        for answer, said in rows
        for status in re.findall(r"\b[1-5]\d\d\b", answer)
    }
    assert len(told) == 13
    for (status, own_words), meaning in told.items():
        assert meaning_of(status, own_words=own_words, compensating=False) is meaning, status


def test_the_defaults_of_a_step_are_those_of_the_page() -> None:
    told = section(SEMANTICS, "`step`")
    assert Step.timeout is not None and Step.total is not None
    assert f"| `timeout` | {Step.timeout.seconds} s |" in told
    assert f"| `total` | {Step.total.seconds // 60} min |" in told
    assert f"| `retry` | {STANDARD.attempts} tries |" in told


def _is_builder(name: str, thing: object) -> bool:
    return inspect.isfunction(thing) and thing.__module__ == authoring.__name__ and not name.startswith("_")
