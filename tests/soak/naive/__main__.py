"""`python -m tests.soak.naive`: the same load and faults on plain chains; what was lost, doubled, left half done."""

import argparse
import json
import sys
import threading
import time
from dataclasses import asdict
from datetime import UTC, datetime
from random import Random, SystemRandom
from typing import Any
from uuid import UUID

from tests.harness.product import REPOSITORY
from tests.soak.__main__ import say
from tests.soak.disturber import Disturber
from tests.soak.faults import KINDS
from tests.soak.kinds import Part
from tests.soak.load import an_order
from tests.soak.naive.outcome import Outcome, of_chains
from tests.soak.naive.scene import NaiveScene, NaiveSite, use, wait_until_quiet
from tests.soak.plan import plan
from tests.soak.profile import PROFILES

STARTERS = 4
QUIET, PATIENCE = 20.0, 120.0
WITHOUT = [kind.name for kind in KINDS.values() if kind.touches & {Part.DATABASE, Part.BEAT, Part.WEB}]
WITHOUT.append("participant held")
"""There is no database, no beat, no web server, and nobody who could hold anything."""
TELL = """
{accepted} orders were accepted.
{finished} are finished, {undone} are undone, {refused_at_once} were refused before anything was done.
{lost} are lost: accepted, and never heard of again.
{half_done} are left half done: some of their effects are in place, and nobody will undo or finish them.
{doubled} effects happened more than once.
"""


class Chains:
    """The starters of the chains."""

    def __init__(self, tasks: Any, seed: int, rate: float) -> None:
        self._tasks, self._seed, self._pause = tasks, seed, STARTERS / rate
        self._over = threading.Event()
        self._threads = [threading.Thread(target=self._start_many, args=(number,)) for number in range(STARTERS)]
        self.accepted: list[dict[str, Any]] = []
        self.refused = 0

    def begin(self) -> None:
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join()

    def _start_many(self, number: int) -> None:
        chance = Random(f"{self._seed} starter {number}")
        while not self._over.wait(self._pause):
            order = an_order(chance, "soak_line", str(UUID(int=chance.getrandbits(128), version=4)))
            try:
                self._tasks.begin(order)
            except Exception:
                self.refused += 1
            else:
                self.accepted.append(order)


def main() -> int:
    """Run it; the exit code is 0 whatever became of the orders, since this is to be seen and not to be passed."""
    parser = argparse.ArgumentParser(prog="python -m tests.soak.naive", description=__doc__)
    parser.add_argument("--profile", choices=sorted(PROFILES), default="short")
    parser.add_argument("--seed", type=int)
    options = parser.parse_args()
    seed = options.seed if options.seed is not None else SystemRandom().randrange(2**32)
    profile = PROFILES[options.profile]
    say(f"Plain chains, profile {profile.name}, seed {seed}.")
    with NaiveScene() as scene:
        chains = Chains(use(scene.environment), seed, profile.rate)
        disturber = Disturber(NaiveSite(scene), plan(seed, profile.rounds, without=WITHOUT), seed)
        began = time.monotonic()
        chains.begin()
        say(f"Faults of {len(KINDS) - len(WITHOUT)} kinds go on ...")
        disturber.run()
        while len(chains.accepted) < profile.sagas and time.monotonic() - began < 3600:
            time.sleep(0.5)
        chains.stop()
        say(f"{len(disturber.faults)} faults are over; waiting until nothing moves any more ...")
        wait_until_quiet(scene.ledgers, QUIET, PATIENCE)
        outcome = of_chains(scene.ledgers, chains.accepted)
    tell(outcome, chains.refused, disturber)
    return 0


def tell(outcome: Outcome, refused: int, disturber: Disturber) -> None:
    """Say it, and write it down."""
    say(TELL.format(**asdict(outcome)))
    say(f"{refused} starts were refused, since the broker was away. {len(disturber.broken)} faults failed themselves.")
    folder = REPOSITORY / "var" / "soak" / datetime.now(UTC).strftime("%Y-%m-%d-%H%M%S-naive")
    folder.mkdir(parents=True, exist_ok=True)
    figures = asdict(outcome) | {"refused": refused, "faults": [asdict(fault) for fault in disturber.faults]}
    (folder / "report.json").write_text(json.dumps(figures, indent=1, default=str))
    say(f"The figures: {folder / 'report.json'}")


if __name__ == "__main__":
    sys.exit(main())
