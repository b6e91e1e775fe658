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

from sagas.lifecycle import MachineError
from sagas.outcome import Succeeded
from sagas.verdict import Doing
from tests.sagas.model.mutants import MUTANTS
from tests.sagas.model.oracle import Oracle
from tests.sagas.model.player import Player
from tests.sagas.model.tables import a_table, depth_of, told

RUNS = int(os.environ.get("MODEL_RUNS", "30000"))
SHARDS = 6
SHARES = ("a failing step", "an unknown outcome", "a late success", "a parallel group")


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
        told = ", ".join(f"{what} {count / len(numbers):.1%}" for what, count in shares.most_common())
        sys.stdout.write(f"\nmodel, seed {seed}, {len(numbers)} runs with: {told}\n")
    for what in SHARES if len(numbers) >= 500 else ():
        assert shares[what] >= 0.05 * len(numbers), f"only {shares[what]} of {len(numbers)} runs had {what}"


@pytest.mark.parametrize("mistake", MUTANTS)
def test_the_model_finds_the_mistake(mistake: str, monkeypatch: pytest.MonkeyPatch) -> None:
    module, name, mutant = MUTANTS[mistake]
    monkeypatch.setattr(module, name, mutant)
    with pytest.raises(pytest.fail.Exception):
        for number in range(10_000):
            one_run("mutants", number)


def one_run(seed: str, number: int) -> set[str]:
    """Play one run; what it had in it. Fails with a trace that can be replayed."""
    chance = Random(f"{seed}:{number}")
    player = Player(a_table(chance), chance)
    try:
        player.play()
        check_the_end(player)
    except (AssertionError, LookupError, MachineError, TypeError, ValueError) as error:
        trace = "\n".join(f"  {line}" for line in [*told(player.oracle.definition), *player.trace])
        again = f"MODEL_SEED={seed} MODEL_RUN={number}"
        pytest.fail(f"{type(error).__name__}: {error}\nreplay with {again}\n{trace}", pytrace=False)
    return what_was_in(player)


def check_the_end(player: Player) -> None:
    """What an ended saga must look like, whatever the way there was."""
    oracle = player.oracle
    history = oracle.history
    if player.engine.state == "completed":
        assert all(oracle.story(name).fate == "passed" for name in oracle.steps), "completed, and a step has not passed"
        assert not [fact for fact in history if fact.kind == "demanded"], "completed, and a step was undone"
        return
    ended = next(n for n, fact in enumerate(history) if fact.kind == "ended")
    check_that_all_is_undone(oracle, ended)
    check_the_order(oracle, ended)
    check_the_keys(oracle)


def check_that_all_is_undone(oracle: Oracle, ended: int) -> None:
    """Judged at the end itself: what is heard later is an incident of an ended saga."""
    then = Oracle(oracle.definition)
    for fact in oracle.history[:ended]:
        then.note(fact)
    for name in then.order:
        story = then.story(name)
        owes = story.step.compensation is not None and not story.step.reads_only
        assert not story.in_flight, f"{name} is still running"
        assert not owes or story.known == "no" or story.back in ("done", "waived"), f"{name} is not undone"
        assert not story.once_more or story.back == "waived", f"{name} came late and is not undone once more"


def check_the_order(oracle: Oracle, ended: int) -> None:
    """Undone one at a time in reverse order of start, but for what came late; nothing while a later one ran."""
    first: dict[str, int] = {}
    late = {fact.step for fact in oracle.history if fact.kind == "late"}
    running: set[str] = set()
    for fact in oracle.history[:ended]:
        if fact.kind == "demanded" and fact.number == 1 and fact.step not in first:
            first[fact.step] = 1
        if fact.doing is not Doing.COMPENSATION and fact.kind in ("claimed", "came to"):
            (running.add if fact.kind == "claimed" else running.discard)(fact.step)
        if fact.kind == "demanded":
            started = oracle.order.index(fact.step)
            still = [name for name in running if oracle.order.index(name) >= started]
            assert fact.step in late or not still, f"{fact.step} is undone while {still} still run"
    places = [oracle.order.index(name) for name in first if name not in late]
    assert places == sorted(places, reverse=True), f"undone in the order {list(first)}; begun in {oracle.order}"


def check_the_keys(oracle: Oracle) -> None:
    """No compensation is tried again under a key under which it was done; none of what never began."""
    key: dict[str, int] = {}
    done: set[tuple[str, int]] = set()
    for fact in oracle.history:
        if fact.kind == "demanded":
            assert fact.step in oracle.order, f"{fact.step} is undone and never began"
            key[fact.step] = fact.number
        if fact.doing is Doing.COMPENSATION and fact.kind == "claimed":
            assert (fact.step, key[fact.step]) not in done, f"{fact.step} is undone twice under one key"
        if fact.doing is Doing.COMPENSATION and fact.kind == "came to" and isinstance(fact.outcome, Succeeded):
            done.add((fact.step, key[fact.step]))


def what_was_in(player: Player) -> set[str]:
    history = player.oracle.history
    turned = next((n for n, fact in enumerate(history) if fact.kind == "turned back"), None)
    depth = max(depth_of(row) for row in player.oracle.rows)
    found = {
        "a failing step": turned is not None and history[turned - 1].kind != "cancelled",
        "an unknown outcome": bool(player.seen["Lost"]),
        "a late success": bool(player.seen["late success"]),
        "a late success on the way back": any(fact.kind == "demanded" and fact.number > 1 for fact in history),
        "a lease that expired": bool(player.seen["lease expired"]),
        "a probe": bool(player.seen["Probed"]),
        "a parallel group": depth > 0,
        "a nested group": depth > 1,
        "a cancel": player.engine.cancelled,
        "an operator's retry": bool(player.seen["operator retry"]),
        "a waiver": any(fact.kind == "waived" for fact in history),
        f"the end {player.engine.state}": True,
    }
    return {what for what, there in found.items() if there}
