"""What the page on live sagas calls free does not touch the fingerprint, and what it says needs a version does."""

from dataclasses import fields, replace
from typing import Any

import pytest

from sagas import approval, child, each, parallel, saga, sleep, step, wait
from sagas.words.rows import Row
from tests.docs.pages import page, quoted


def act(ctx: Any) -> None: ...


def other(ctx: Any) -> None: ...


FREE, VERSION = (
    quoted([line for line in page("howto/changing-a-live-saga.md").splitlines() if words in line])
    for words in ("| of rows:", "**a new version**")
)
ONE, TWO = step(act, name="one"), step(act, name="two")
ROWS = [
    ONE,
    wait("paid"),
    approval("large"),
    sleep(name="night", until=act),
    child(saga("shipping", ONE)),
    parallel(ONE, TWO),
    each("lines", ONE),
]
OTHERS: dict[str, Any] = {
    "name": "another",
    "signal": "another",
    "definition": saga("shipping", TWO, version=2),
    "join": 1,
    "on_timeout": "continue",
    "on_no": "continue",
    "no_compensation": "nobody minds",
}
NO_KEYWORD = {"rows", "step", "strays"}


def needs_a_version(row: Row, keyword: str) -> bool:
    before = getattr(row, keyword)
    after = OTHERS.get(keyword, not before if isinstance(before, bool) else other)
    return replace(row, **{keyword: after}).shape() != row.shape()


@pytest.mark.parametrize("row", ROWS, ids=lambda row: type(row).__name__.lower())
def test_every_keyword_of_a_row_is_called_free_or_not_as_it_is(row: Row) -> None:
    for keyword in {field.name for field in fields(row)} - NO_KEYWORD:
        assert keyword in (VERSION if needs_a_version(row, keyword) else FREE), keyword
