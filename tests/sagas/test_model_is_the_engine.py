"""The engine that the model plays in memory, held against the real one: the same runs, act by act, on both.

TWIN_RUNS   how many runs (80)
TWIN_SEED   the seed of a failure that was printed; without it CHANCE says which
"""

import os
from random import Random

import pytest

from sagas.errors import NotAllowed
from tests.harness.chance import a_seed
from tests.sagas.model.player import Player
from tests.sagas.model.tables import CHILD, FINAL_CHILD, a_table, told
from tests.sagas.model.twin import Twin
from tests.sagas.test_plan_model import WRONG
from tests.sagas.world import a_world

pytestmark = pytest.mark.django_db

RUNS = int(os.environ.get("TWIN_RUNS", "80"))


def test_both_engines_do_the_same() -> None:
    seed = a_seed("TWIN_SEED")
    for number in range(RUNS):
        one_run(seed, number)


def one_run(seed: str, number: int) -> None:
    chance = Random(f"{seed}:{number}")
    table = a_table(chance)
    with a_world() as world:
        world.knows(table, CHILD, FINAL_CHILD)
        player = Player(table, chance, type("TwinIn", (Twin,), {"world": world}))
        try:
            player.play()
        except (*WRONG, NotAllowed) as error:
            trace = "\n".join(f"  {line}" for line in [*told(table), *player.trace])
            pytest.fail(f"{type(error).__name__}: {error}\nTWIN_SEED={seed}, run {number}\n{trace}", pytrace=False)
