"""Carries out a plan of faults: two lanes a round, one for processes and one for services."""

import threading
import traceback
from collections.abc import Sequence
from random import Random

from tests.soak.disturbed import Disturbance, now
from tests.soak.faults import KINDS
from tests.soak.plan import Round
from tests.soak.site import Site

PAUSE = 1.0
"""Seconds between two faults of a lane."""


class Disturber:
    """Does what the plan says. `faults` are those that are over, `broken` what a fault itself stumbled over."""

    def __init__(self, site: Site, rounds: Sequence[Round], seed: int) -> None:
        self._site, self._rounds, self._seed = site, rounds, seed
        self._writing = threading.Lock()
        self.faults: list[Disturbance] = []
        self.broken: list[str] = []
        self.now: set[str] = set()

    @property
    def last(self) -> str:
        """The faults that go on, or the last one that is over."""
        with self._writing:
            if self.now:
                return " and ".join(sorted(self.now))
        return self.faults[-1].kind if self.faults else "none yet"

    def run(self) -> None:
        """All rounds, one after another."""
        for number, each in enumerate(self._rounds):
            lanes = [
                threading.Thread(target=self._lane, args=(number, kinds), daemon=True)
                for kinds in (each.processes, each.services)
            ]
            for lane in lanes:
                lane.start()
            for lane in lanes:
                lane.join()

    def _lane(self, number: int, kinds: Sequence[str]) -> None:
        for place, kind in enumerate(kinds):
            self._do(kind, Random(f"{self._seed} {number} {place} {kind}"))
            self._site.hold(PAUSE)

    def _do(self, kind: str, chance: Random) -> None:
        began = now()
        with self._writing:
            self.now.add(kind)
        try:
            note = KINDS[kind].act(self._site, chance)
        except Exception as error:
            note = f"the fault itself failed: {error}"
            self.broken.append(f"{kind}: {traceback.format_exc()}")
        with self._writing:
            self.now.discard(kind)
            self.faults.append(Disturbance(kind=kind, began=began, ended=now(), note=note))
