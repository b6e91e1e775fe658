"""Every mistake in the engine is found, at the level that it names, and within its budget.

The same runs find nothing without the mistake: that is what the other tests are, and here the scenarios.
"""

import sys
import time
from collections.abc import Iterator
from contextlib import nullcontext

import pytest
from django.db import connection

from sagas.testing import world as testing_world
from tests.crashes.course import wipe
from tests.crashes.scratch import in_memory
from tests.mutants.catalog import MUTANTS, RACE
from tests.mutants.levels import LEVELS
from tests.mutants.mutant import Mutant, changed
from tests.mutants.scenarios import SCENARIOS, told
from tests.sagas.model.mutants import MUTANTS as OF_THE_MODEL

ALONE = [mutant for mutant in MUTANTS if mutant.level != RACE]
RACES = [mutant for mutant in MUTANTS if mutant.level == RACE]
OF_RACES = [mutant.where for mutant in RACES]


ON_SQLITE = connection.vendor == "sqlite"
pytestmark = pytest.mark.django_db(transaction=not ON_SQLITE)


@pytest.fixture(autouse=True)
def database(db: None) -> Iterator[None]:
    """Real commits, in memory where that can be, and there nothing of another test: a sweep's mark excuses the next."""
    with in_memory() if ON_SQLITE else nullcontext():
        if ON_SQLITE:
            wipe()
        yield


def dies(mutant: Mutant, capsys: pytest.CaptureFixture[str]) -> None:
    runs, began = 0, time.process_time()
    with changed((testing_world, "MOST", 120)), mutant.loose():  # what would go on for ever is found soon
        try:
            for _ in LEVELS[mutant.level](mutant):
                runs += 1
                if runs >= mutant.runs:
                    break
        except Exception as error:
            why = next(iter(str(error).splitlines()), "")
            took = time.process_time() - began
            with capsys.disabled():
                sys.stdout.write(
                    f"\n{mutant}: died in run {runs + 1} after {took:.1f} s ({mutant.level}): {why[:150]}\n"
                )
            return
    pytest.fail(f"{mutant} has survived {runs} runs of {mutant.level}: there is a hole in the tests", pytrace=False)


@pytest.mark.only_on("sqlite")
@pytest.mark.parametrize("mutant", ALONE, ids=str)
def test_the_mistake_is_found(mutant: Mutant, capsys: pytest.CaptureFixture[str]) -> None:
    dies(mutant, capsys)


@pytest.mark.only_on("postgresql")
@pytest.mark.parametrize("mutant", RACES, ids=str)
def test_the_mistake_is_found_where_two_are_at_it_at_once(mutant: Mutant, capsys: pytest.CaptureFixture[str]) -> None:
    dies(mutant, capsys)


@pytest.mark.only_on("sqlite")
@pytest.mark.parametrize("name", SCENARIOS.keys() - set(OF_RACES))
def test_the_scenario_ends_well_without_a_mistake(name: str) -> None:
    told(name)


@pytest.mark.only_on("postgresql")
@pytest.mark.parametrize("name", OF_RACES)
def test_the_race_ends_well_without_a_mistake(name: str) -> None:
    told(name)


def test_there_are_mistakes_enough(capsys: pytest.CaptureFixture[str]) -> None:
    names = [mutant.name for mutant in MUTANTS]
    assert len(names) == len(set(names)) >= 20
    with capsys.disabled():
        sys.stdout.write(f"\n{len(OF_THE_MODEL)} mutants of the model, {len(MUTANTS)} of the engine\n")
