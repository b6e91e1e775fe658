"""Random lives of sagas over REST keep every promise.

BLACKBOX        how many lives (10)
BLACKBOX_SEED   a seed that was printed; without it CHANCE says which
BLACKBOX_STEPS  how many things happen in one (30)
BLACKBOX_SHRINK 0 leaves a life that broke a promise as long as it was found

A failure prints the calls of the life, and the shortest one of its kind as a script of the machine's rules.
"""

import os
import sys

import pytest
from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.blackbox.machine import Callers
from tests.harness.chance import a_seed

pytestmark = pytest.mark.django_db(transaction=True)

LIVES = int(os.environ.get("BLACKBOX", "10"))
STEPS = int(os.environ.get("BLACKBOX_STEPS", "30"))
SHRINK = os.environ.get("BLACKBOX_SHRINK", "1") == "1"
SHARDS = 2


@pytest.mark.parametrize("shard", range(SHARDS))
def test_every_promise_is_kept_in_random_lives(shard: int) -> None:
    base = a_seed("BLACKBOX_SEED")
    bounds = settings(
        max_examples=-(-LIVES // SHARDS),
        stateful_step_count=STEPS,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
        phases=[Phase.generate, Phase.shrink] if SHRINK else [Phase.generate],
    )
    try:
        run_state_machine_as_test(seed(f"{base}:{shard}")(type("Callers", (Callers,), {})), settings=bounds)
    except BaseException:
        sys.stdout.write(f"\nreplay with BLACKBOX_SEED={base}\n")
        raise
