"""Schedules inside PostgreSQL's transactions, each with one statement or the lock, and with shared commits or each
turn's own.

SCHEDULES_PG   how many (60)
SCHEDULE       a seed that was printed, with its number, plays that one again, as far as a database can be told
"""

import os
import sys

import pytest

from tests.harness.chance import a_seed
from tests.schedules.keeping import FOUND, kept
from tests.schedules.plan import drawn
from tests.schedules.running import Tally, played
from tests.schedules.schedule import play
from tests.schedules.test_schedules import told

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.only_on("postgresql")]

SCHEDULES = int(os.environ.get("SCHEDULES_PG", "60"))


def test_no_schedule_breaks_what_was_promised_inside_transactions(capsys: pytest.CaptureFixture[str]) -> None:
    seed, tally = a_seed("SCHEDULE"), Tally()
    for one in [play(drawn(seed))] if ":" in seed else played(seed, range(SCHEDULES), tally):
        assert not one.wrong, told(one)
    with capsys.disabled():
        sys.stdout.write(f"\nseed {seed}: {tally}\n")


def test_what_once_failed_fails_inside_transactions_no_more() -> None:
    for path in sorted(FOUND.glob("*.json")):
        again = play(*kept(path))
        assert not again.wrong, f"{path.name}: {told(again)}"
