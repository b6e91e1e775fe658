"""`python -m tests.soak`: run the soak, print how it goes, leave a report, and end with 0 when everything held."""

import argparse
import signal
import sys
import traceback
from dataclasses import replace
from datetime import UTC, datetime
from random import SystemRandom

from tests.harness.product import REPOSITORY
from tests.harness.service import NotInstalled
from tests.soak.checker.sums import MOST_TOLD
from tests.soak.checker.verdict import Verdict
from tests.soak.profile import PROFILES
from tests.soak.report import write
from tests.soak.soak import Soak, keep_logs


def main() -> int:
    """Run one profile; the exit code."""
    options = _options()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))  # in good order: nothing is left behind
    seed = options.seed if options.seed is not None else SystemRandom().randrange(2**32)
    sizes = {name: value for name in ("sagas", "rounds") if (value := getattr(options, name)) is not None}
    profile = replace(PROFILES[options.profile], **sizes)
    say(f"Soak, profile {profile.name}. Replay the plan: python -m tests.soak --profile {profile.name} --seed {seed}")
    soak = Soak(profile, seed, say, calm=options.calm)
    for number, each in enumerate(soak.rounds, 1):
        say(f"  round {number:2}: {each}")
    if "clock off" in soak.without:
        say("NOT RUN: 'clock off' needs a C compiler, and there is none (Debian: gcc).")
    folder = REPOSITORY / "var" / "soak" / datetime.now(UTC).strftime("%Y-%m-%d-%H%M%S")
    try:
        verdict = soak.run()
    except NotInstalled as error:
        say(f"NOT RUN: {error}")
        return 3
    except Exception:
        say(traceback.format_exc())
        return 2
    keep_logs(soak.logs, folder / "logs")
    page = write(folder, soak, verdict)
    say("")
    for one in verdict.sums:
        say(f"  {'ok   ' if one.holds else 'WRONG'} {one}")
    for sentence in verdict.failures[:MOST_TOLD]:
        say(f"FAILED {sentence}")
    say(f"{summary(verdict)}\nThe report: {page}")
    return int(bool(verdict.failures))


def summary(verdict: Verdict) -> str:
    """The outcome in a line."""
    seen = ", ".join(f"{number} {name}" for name, number in verdict.seen.items())
    failures = len(verdict.failures)
    return f"{'FAILED, ' + str(failures) + ' things are wrong' if failures else 'All promises held'}: {seen}."


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.soak", description=__doc__)
    parser.add_argument("--profile", choices=sorted(PROFILES), default="short")
    parser.add_argument("--seed", type=int, help="the seed of an earlier run's plan")
    parser.add_argument("--sagas", type=int, help="so many, instead of the profile's")
    parser.add_argument("--rounds", type=int, help="so many rounds of faults, instead of the profile's")
    parser.add_argument("--calm", action="store_true", help="no faults at all: the load alone")
    return parser.parse_args()


def say(line: str) -> None:
    """Print at once."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
