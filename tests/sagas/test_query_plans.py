"""The coordinator finds what it needs by an index: over full tables each statement reads what it is about, no more.

Two things are looked at, of every statement that the product issues. No index can serve a statement that still reads a
growing table from end to end when PostgreSQL is told to avoid that. And one that reads many blocks, by an index or not,
reads more than it is about.
"""

from collections.abc import Iterator
from datetime import timedelta

import pytest
from django.db import connection, transaction

from benchmarks.growth import patterns, sagas
from benchmarks.growth.act import Act
from benchmarks.growth.door_acts import DOORS
from benchmarks.growth.engine_acts import engine, nothing_is_due
from benchmarks.growth.filling import GROWING, copy, fill
from benchmarks.growth.plans import Seen, watched
from sagas.admin.listing import MOST_COUNTED
from sagas.models import Run
from sagas.words import registry

pytestmark = [pytest.mark.only_on("postgresql"), pytest.mark.django_db(transaction=True)]

ENDED, WAITING, BACKLOG = 2500, 600, 1000
MUCH = 150
"""Blocks that no statement about one saga needs; the smallest of the tables that are filled has more than that."""
AT_ONCE = 10
ENGINE = engine(AT_ONCE)
OF_MANY = {"liveness": WAITING, "prune": 1000, "figures": 2 * WAITING}
"""Acts that are about many sagas, and what they may read."""
COUNTED = 3 * MOST_COUNTED
"""What the console's lists may read, which count so far."""


@pytest.fixture
def full() -> Iterator[None]:
    """Full tables with fresh statistics."""
    with registry.replaced([sagas.order, sagas.signup, sagas.basket]):
        fill(ended=ENDED, waiting=WAITING)
        yield


def statements_of(act: Act) -> list[Seen]:
    [subject] = act.prepare(1)
    with watched(by_index=True) as seen:
        act.do(subject)
    return seen


def offences(act: Act) -> Iterator[str]:
    """What is wrong with an act's statements, a sentence each."""
    allowed = COUNTED if act.name.startswith("console") else OF_MANY.get(act.name, MUCH)
    for seen in statements_of(act):
        for table in set(seen.read_through) & {*GROWING}:
            yield f"No index serves it, so {act.name!r} reads all of {table}: {seen.statement}"
        if seen.blocks > allowed:
            by = ", ".join(seen.indexes) or "no index"
            yield f"{act.name!r} reads {seen.blocks} blocks, by {by}, where {allowed} do: {seen.statement}"


def test_every_statement_finds_its_rows_by_an_index_and_reads_no_more_than_it_is_about(full: None) -> None:
    found = []
    for act in [*ENGINE, *DOORS]:
        found += offences(act)
        nothing_is_due()
    assert not found, "\n".join(found)


def test_a_step_costs_the_same_amid_a_backlog_that_is_newer_than_the_statistics(full: None) -> None:
    copy(patterns.start(sagas.order.name), BACKLOG, past=timedelta(minutes=1))
    of_one = [act for act in ENGINE if not act.name.startswith(("sweep", "look", "liveness"))]
    found = [offence for act in of_one for offence in offences(act)]
    assert not found, "\n".join(found)


def test_what_no_index_serves_is_told(full: None) -> None:
    def look(_: object) -> None:
        list(Run.objects.filter(error="nobody has an index for this"))

    through, much = offences(Act(name="a look", do=look))
    assert through.startswith("No index serves it, so 'a look' reads all of sagas_run")
    assert much.startswith("'a look' reads")

    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("DROP INDEX saga_list, saga_of_definition")
        much, *_ = offences(next(act for act in DOORS if act.name == "list of a rare definition"))
        transaction.set_rollback(True)
    assert much.startswith("'list of a rare definition' reads")
