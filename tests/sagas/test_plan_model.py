"""The plan against random definitions and hostile runs, and against a second statement of the rules.

MODEL_RUNS   how many runs in all (30,000)
MODEL_SEED   the seed of a failure that was printed; without it CHANCE says which
MODEL_RUN    only that run of the seed, which replays it
"""

import os
import sys
from collections import Counter
from random import Random

import pytest

from sagas.words.faults import faults_of
from sagas.words.lifecycle import MachineError
from tests.harness.chance import a_seed
from tests.sagas.model.mutants import MUTANTS
from tests.sagas.model.player import Player
from tests.sagas.model.tables import a_table, told
from tests.sagas.model.what_was_in import LEAST, what_was_in

pytestmark = pytest.mark.only_on("sqlite")  # it asks no database at all, so once is enough

RUNS = int(os.environ.get("MODEL_RUNS", "30000"))
SHARDS = 6
WRONG = (AssertionError, AttributeError, LookupError, MachineError, TypeError, ValueError)


@pytest.mark.parametrize("shard", range(SHARDS))
def test_every_move_of_the_plan_is_what_the_rules_ask_for(shard: int, capsys: pytest.CaptureFixture[str]) -> None:
    seed = a_seed("MODEL_SEED")
    only = os.environ.get("MODEL_RUN")
    mine = range(shard, RUNS, SHARDS)
    numbers = [n for n in ([int(only)] if only else mine) if n % SHARDS == shard]
    shares: Counter[str] = Counter()
    for number in numbers:
        shares.update(what_was_in(one_run(seed, number)))
    if only or not numbers:
        return
    with capsys.disabled():
        words = ", ".join(f"{what} {count / len(numbers):.1%}" for what, count in shares.most_common())
        sys.stdout.write(f"\nmodel, seed {seed}, {len(numbers)} runs with: {words}\n")
    for what, least in LEAST.items() if len(numbers) >= 2_000 else ():
        assert shares[what] >= least * len(numbers), f"only {shares[what]} of {len(numbers)} runs had {what}"


@pytest.mark.parametrize("mistake", MUTANTS)
def test_the_model_finds_the_mistake(mistake: str, monkeypatch: pytest.MonkeyPatch) -> None:
    owner, name, mutant = MUTANTS[mistake]
    monkeypatch.setattr(owner, name, mutant)
    with pytest.raises(pytest.fail.Exception):
        for number in range(20_000):
            one_run("mutants", number)


def test_the_random_tables_have_no_faults() -> None:
    for number in range(1_000):
        table = a_table(Random(number))
        assert not faults_of(table), "\n".join([*told(table), *faults_of(table)])


def one_run(seed: str, number: int) -> Player:
    """Play one run. Fails with a trace that can be replayed."""
    chance = Random(f"{seed}:{number}")
    player = Player(a_table(chance), chance)
    try:
        player.play()
    except WRONG as error:
        trace = "\n".join(f"  {line}" for line in [*told(player.definition), *player.trace])
        again = f"MODEL_SEED={seed} MODEL_RUN={number}"
        pytest.fail(f"{type(error).__name__}: {error}\nreplay with {again}\n{trace}", pytrace=False)
    return player
