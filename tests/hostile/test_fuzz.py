"""Calls made at random from those that the site accepts and from those that broke something once.

FUZZ          a seed that was printed, which replays it
FUZZ_CALLS    how many calls of a shard (75)
FUZZ_MINUTES  go on for so long instead; `make fuzz MINUTES=10`

What is found is printed as lines for `found.jsonl`; put it there with the repair.
"""

import itertools
import os
import sys
import time
from collections import Counter
from collections.abc import Iterator
from random import Random

import pytest

from tests.hostile import corpus
from tests.hostile.call import Call, answered
from tests.hostile.doors import BODIES, FORMS, addresses
from tests.hostile.judge import faults
from tests.hostile.mutation import mutated
from tests.hostile.scene import Scene
from tests.hostile.seeds import a_seed, replaying
from tests.sagas.world import World

pytestmark = pytest.mark.django_db

CALLS = int(os.environ.get("FUZZ_CALLS", "75"))
MINUTES = float(os.environ.get("FUZZ_MINUTES", "0"))
MEANT = BODIES.keys() | FORMS.keys()
SHARDS = 2
FRESH = 25
ENOUGH = 20
"""After so many findings they are told; the rest waits for the next run."""


@pytest.mark.parametrize("shard", range(SHARDS))
def test_nothing_that_chance_sends_breaks_anything(
    world: World, shard: int, capsys: pytest.CaptureFixture[str]
) -> None:
    with replaying(a_seed()) as chance:
        chance.seed(f"{chance.random()}:{shard}")
        scene, seen, wrong = Scene(world), Counter[int](), list[str]()
        for number, call in enumerate(_calls(chance)):
            if number % FRESH == FRESH - 1:
                wrong += scene.calm_down() if number % (4 * FRESH) == FRESH - 1 else []
                scene.renew()
            if found := _suffered(scene, call, seen):
                wrong.append(f"{call.line()[:3000]}\n  " + "\n  ".join(found))
            if len(wrong) >= ENOUGH:
                break
        wrong += scene.calm_down()
        assert not wrong, "\n\n".join(wrong)
    with capsys.disabled():
        told = ", ".join(f"{status} {count}" for status, count in seen.most_common())
        sys.stdout.write(f"\n{seen.total()} hostile calls: {told}\n")


def _calls(chance: Random) -> Iterator[Call]:
    doors = [address.calls() for address in addresses() for _ in range(4 if address.name in MEANT else 1)]
    seeds = [call for calls in doors for call in calls] + corpus.found()
    ends = time.monotonic() + MINUTES * 60
    for number in itertools.count():
        if time.monotonic() > ends if MINUTES else number >= CALLS:
            return
        yield mutated(chance.choice(seeds), chance)


def _suffered(scene: Scene, call: Call, seen: Counter[int]) -> list[str]:
    meant = call.meant(scene.names)
    answer = answered(meant)
    seen[answer.status] += 1
    return [*faults(meant, answer), *scene.trouble(), *scene.kept(meant, answer.status)]
