"""Twenty seconds of schedules inside PostgreSQL's transactions, each with one statement or the lock, and with shared
commits or each turn's own.

SCHEDULES_PG   for how many seconds of the processor's time (20)
SCHEDULE       a seed that was printed, with its number, which plays that one again, as far as a database can be told
"""

import os
import sys
from datetime import timedelta
from random import SystemRandom

import pytest

from tests.schedules.keeping import FOUND, kept
from tests.schedules.plan import drawn
from tests.schedules.running import Tally, played_for
from tests.schedules.schedule import play
from tests.schedules.test_schedules import told

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.only_on("postgresql")]

SECONDS = timedelta(seconds=float(os.environ.get("SCHEDULES_PG", "20")))


def test_no_schedule_breaks_what_was_promised_inside_transactions(capsys: pytest.CaptureFixture[str]) -> None:
    seed, tally = os.environ.get("SCHEDULE") or f"{SystemRandom().getrandbits(32):x}", Tally()
    for played in [play(drawn(seed))] if ":" in seed else played_for(seed, SECONDS, tally):
        assert not played.wrong, told(played)
    with capsys.disabled():
        sys.stdout.write(f"\nseed {seed}: {tally}\n")


def test_what_once_failed_fails_inside_transactions_no_more() -> None:
    for path in sorted(FOUND.glob("*.json")):
        played = play(*kept(path))
        assert not played.wrong, f"{path.name}: {told(played)}"
