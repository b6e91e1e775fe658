"""`make schedules`: schedules for some minutes, with a line about them every ten seconds; what fails is kept.

python -m tests.schedules --minutes 30
python -m tests.schedules --seed 5f3a:17      that one again
python -m tests.schedules --postgres          inside PostgreSQL's transactions
"""

import argparse
import os
import sys
import time
from datetime import timedelta
from random import SystemRandom

EVERY = 10.0


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.schedules", description=__doc__)
    parser.add_argument("--minutes", type=float, default=5.0, help="of the processor's time")
    parser.add_argument("--seed", default="", help="a base for all, or base:number for one of them")
    parser.add_argument("--postgres", action="store_true", help="on a PostgreSQL server of its own")
    given = parser.parse_args()

    os.environ["TEST_DATABASE"] = "postgres" if given.postgres else "sqlite"
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.settings")
    import django
    from django.core.management import call_command

    django.setup()
    if given.postgres:
        call_command("migrate", verbosity=0)
    return run(given.seed or f"{SystemRandom().getrandbits(32):x}", timedelta(minutes=given.minutes))


def run(seed: str, budget: timedelta) -> int:
    from tests.schedules.keeping import keep
    from tests.schedules.plan import drawn
    from tests.schedules.running import Tally, played_for
    from tests.schedules.schedule import play
    from tests.schedules.shrinking import shrunk

    tally, failed, next_line = Tally(), 0, time.monotonic() + EVERY
    plays = [play(drawn(seed))] if ":" in seed else played_for(seed, budget, tally)
    for played in plays:
        if played.wrong:
            failed += 1
            small = shrunk(played)
            say(f"{small.plan.seed}: {small.wrong[0]}\n  kept as {keep(small)}, {len(small.acts)} acts")
        if time.monotonic() > next_line:
            next_line = time.monotonic() + EVERY
            say(f"{tally.schedules} schedules, {tally.a_minute:.0f} a minute and core, {failed} failed")
    say(f"Seed {seed}. {tally}\n{failed} failed.")
    return int(failed > 0)


def say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
