"""A worker dies at every boundary that it passes; here each single death, and by chance everything else, and pairs.

`make crashes` runs everything else, and all pairs.

CRASHES      the seed of a sample that was printed; without it CHANCE says which
CRASH_PAIRS  how many pairs (80; 12 on PostgreSQL)
CRASH        one course that was printed, to run it alone
"""

import os
import sys
from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import replace
from random import Random

import pytest
from django.db import connection

from sagas.testing import StoryFailed
from sagas.words.faults import faults_of
from tests.crashes.course import Course, Landed, first_plans, further, plans, sail, sail_like, singles
from tests.crashes.scratch import in_memory
from tests.crashes.shapes import SHAPES
from tests.harness.chance import a_seed

PAIRS = os.environ.get("CRASH_PAIRS")
SHARDS = 4


ON_SQLITE = connection.vendor == "sqlite"
pytestmark = pytest.mark.django_db(transaction=not ON_SQLITE)


@pytest.fixture(autouse=True)
def database(db: None) -> Iterator[None]:
    """Real commits, in memory where that can be."""
    with in_memory() if ON_SQLITE else nullcontext():
        yield


def checked(course: Course, calm: Landed | None = None) -> Landed:
    try:
        return sail(course) if calm is None else sail_like(course, calm)
    except StoryFailed as error:
        pytest.fail(str(error), pytrace=False)


@pytest.mark.only_on("sqlite")
@pytest.mark.parametrize("plan", list(first_plans()), ids=str)
def test_no_single_death_costs_anything(plan: Course) -> None:
    calm = checked(plan)
    for course in singles(plan, calm.places):
        checked(course, calm)


@pytest.mark.only_on("sqlite")
@pytest.mark.parametrize("shard", range(SHARDS))
def test_no_two_deaths_cost_anything(shard: int, capsys: pytest.CaptureFixture[str]) -> None:
    a_sample(int(PAIRS or 80) // SHARDS, shard, capsys)


@pytest.mark.only_on("postgresql")
def test_no_two_deaths_cost_anything_on_postgresql(capsys: pytest.CaptureFixture[str]) -> None:
    a_sample(int(PAIRS or 12), 0, capsys)


def a_sample(number: int, shard: int, capsys: pytest.CaptureFixture[str]) -> None:
    """So many pairs of any plan, each with its first event alone before."""
    if told := os.environ.get("CRASH"):
        course = Course.parse(told)
        checked(course, checked(replace(course, events=())))
        return
    seed = a_seed("CRASHES")
    chance, all_plans, runs = Random(f"{seed}:{shard}"), list(plans()), 0
    for _ in range(number):
        course = chance.choice(all_plans)
        calm = found = checked(course)
        runs += 1
        while len(course.events) < 2 and (next_course := further(course, found.places, chance)):
            course = next_course
            found = checked(course, calm)
            runs += 1
    with capsys.disabled():
        sys.stdout.write(f"\n{runs} runs with up to two deaths, CRASHES={seed}\n")


def test_every_shape_is_in_order() -> None:
    assert {shape.name: faults_of(shape.table) for shape in SHAPES.values()} == {name: [] for name in SHAPES}
