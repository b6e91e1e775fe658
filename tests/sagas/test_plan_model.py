"""The plan against random definitions and hostile runs, and against a second statement of the rules.

MODEL_RUNS   how many runs in all (30,000)
MODEL_SEED   the seed of a failure that was printed
MODEL_RUN    only that run of the seed, which replays it
"""

import os
import sys
from collections import Counter
from random import Random, SystemRandom

import pytest

from sagas.faults import faults_of
from sagas.lifecycle import MachineError
from tests.sagas.model.player import Player
from tests.sagas.model.tables import a_table, told

RUNS = int(os.environ.get("MODEL_RUNS", "30000"))
SHARDS = 6


@pytest.mark.parametrize("shard", range(SHARDS))
def test_every_move_of_the_plan_is_what_the_rules_ask_for(shard: int, capsys: pytest.CaptureFixture[str]) -> None:
    seed = os.environ.get("MODEL_SEED") or f"{SystemRandom().getrandbits(32):x}"
    only = os.environ.get("MODEL_RUN")
    mine = range(shard, RUNS, SHARDS)
    numbers = [n for n in ([int(only)] if only else mine) if n % SHARDS == shard]
    shares: Counter[str] = Counter()
    for number in numbers:
        shares.update(one_run(seed, number))
    if only or not numbers:
        return
    with capsys.disabled():
        words = ", ".join(f"{what} {count / len(numbers):.1%}" for what, count in shares.most_common())
        sys.stdout.write(f"\nmodel, seed {seed}, {len(numbers)} runs with: {words}\n")


def test_the_random_tables_have_no_faults() -> None:
    for number in range(1_000):
        table = a_table(Random(number))  # noqa: S311 - it plays, it keeps no secret
        assert not faults_of(table), "\n".join([*told(table), *faults_of(table)])


def one_run(seed: str, number: int) -> set[str]:
    """Play one run; what it had in it. Fails with a trace that can be replayed."""
    chance = Random(f"{seed}:{number}")
    player = Player(a_table(chance), chance)
    try:
        player.play()
    except (AssertionError, LookupError, MachineError, TypeError, ValueError, AttributeError) as error:
        trace = "\n".join(f"  {line}" for line in [*told(player.definition), *player.trace])
        again = f"MODEL_SEED={seed} MODEL_RUN={number}"
        pytest.fail(f"{type(error).__name__}: {error}\nreplay with {again}\n{trace}", pytrace=False)
    return set(player.seen)
