"""A minute of schedules, each of its own seed, and again what once failed.

SCHEDULES   for how many seconds of the processor's time, over all shards (60)
SCHEDULE    a seed that was printed, with its number, which plays that one again
"""

import os
import sys
from datetime import timedelta
from random import SystemRandom

import pytest

from tests.schedules.keeping import FOUND, kept
from tests.schedules.plan import drawn
from tests.schedules.running import Tally, played_for
from tests.schedules.schedule import Played, play
from tests.schedules.shrinking import shrunk

pytestmark = pytest.mark.only_on("sqlite")

SHARDS = 2
SECONDS = timedelta(seconds=float(os.environ.get("SCHEDULES", "60"))) / SHARDS


@pytest.mark.parametrize("shard", range(SHARDS))
def test_no_schedule_breaks_what_was_promised(shard: int, capsys: pytest.CaptureFixture[str]) -> None:
    seed, tally = os.environ.get("SCHEDULE") or f"{SystemRandom().getrandbits(32):x}", Tally()
    for played in [play(drawn(seed))] if ":" in seed else played_for(seed, SECONDS, tally):
        if played.wrong:
            pytest.fail(told(shrunk(played)), pytrace=False)
    with capsys.disabled():
        sys.stdout.write(f"\nseed {seed}: {tally}\n")


def test_what_once_failed_does_so_no_more() -> None:
    for path in sorted(FOUND.glob("*.json")):
        played = play(*kept(path))
        assert not played.wrong, f"{path.name}: {told(played)}"


@pytest.mark.parametrize("number", range(10))
def test_the_same_schedule_is_the_same_run(number: int) -> None:
    plan = drawn(f"the same:{number}")
    once = play(plan)
    again = play(plan, once.acts)
    assert (again.acts, again.seen, again.commits, again.wrong) == (once.acts, once.seen, once.commits, once.wrong)


def told(played: Played) -> str:
    acts = "\n  ".join(played.acts)
    return f"{'; '.join(played.wrong)}\nplay it again with SCHEDULE={played.plan.seed}; {played.plan}\n  {acts}"
