"""Schedules, each of its own seed, and again what once failed.

SCHEDULES   how many, over all shards (400)
SCHEDULE    a seed that was printed, with its number, plays that one again; without it CHANCE says which
"""

import os
import sys

import pytest

from tests.harness.chance import a_seed
from tests.schedules.keeping import FOUND, kept
from tests.schedules.plan import drawn
from tests.schedules.running import Tally, played
from tests.schedules.schedule import Played, play
from tests.schedules.shrinking import shrunk

pytestmark = pytest.mark.only_on("sqlite")

SHARDS = 2
SCHEDULES = int(os.environ.get("SCHEDULES", "400"))


@pytest.mark.parametrize("shard", range(SHARDS))
def test_no_schedule_breaks_what_was_promised(shard: int, capsys: pytest.CaptureFixture[str]) -> None:
    seed, tally = a_seed("SCHEDULE"), Tally()
    mine = range(shard, SCHEDULES, SHARDS)
    for one in [play(drawn(seed))] if ":" in seed else played(seed, mine, tally):
        if one.wrong:
            pytest.fail(told(shrunk(one)), pytrace=False)
    with capsys.disabled():
        sys.stdout.write(f"\nseed {seed}: {tally}\n")


def test_what_once_failed_does_so_no_more() -> None:
    for path in sorted(FOUND.glob("*.json")):
        again = play(*kept(path))
        assert not again.wrong, f"{path.name}: {told(again)}"


@pytest.mark.parametrize("number", range(10))
def test_the_same_schedule_is_the_same_run(number: int) -> None:
    plan = drawn(f"the same:{number}")
    once = play(plan)
    again = play(plan, once.acts)
    assert (again.acts, again.seen, again.commits, again.wrong) == (once.acts, once.seen, once.commits, once.wrong)


def told(one: Played) -> str:
    acts = "\n  ".join(one.acts)
    return f"{'; '.join(one.wrong)}\nplay it again with SCHEDULE={one.plan.seed}; {one.plan}\n  {acts}"
