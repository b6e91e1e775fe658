"""Which faults happen when: rounds, made from a seed.

In each round faults of processes go on in one lane and faults of services beside them in another; the next round begins
when both are through. Rounds come in sixes: four that take a worker each, with a database that answers and other
workers that live, as it is promised for take-overs; then two with the faults of the database, garbage, and deploys.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from random import Random

from tests.soak.faults import KINDS
from tests.soak.kinds import Part

LONG = ("worker killed", "child killed", "worker frozen", "child frozen")
SHORT = ("beat killed", "beat frozen", "web killed", "worker halted", "clock off", "rolling deploy")
SERVICES = tuple(name for name in KINDS if name not in LONG + SHORT)
LOUD = tuple(name for name in SERVICES if KINDS[name].touches & {Part.DATABASE, Part.WORKERS})
QUIET = tuple(name for name in SERVICES if name not in LOUD)


@dataclass(frozen=True)
class Round:
    """What happens to processes, one after another, and beside it what happens to services."""

    processes: tuple[str, ...]
    services: tuple[str, ...]

    def __str__(self) -> str:
        return f"{', '.join(self.processes) or 'nothing'} | {', '.join(self.services)}"


def plan(seed: int, rounds: int, *, without: Iterable[str] = ()) -> list[Round]:
    """So many rounds; the first six have every kind that there is, but for those that cannot be done here."""
    chance, left_out = Random(f"{seed} plan"), set(without)
    made: list[Round] = []
    while len(made) < rounds:
        made += _six(chance)
    return [
        Round(*(tuple(name for name in lane if name not in left_out) for lane in (each.processes, each.services)))
        for each in made[:rounds]
    ]


def _six(chance: Random) -> Iterator[Round]:
    """Six rounds with every kind that there is."""
    quiet, loud = _shuffled(chance, QUIET), _shuffled(chance, LOUD)
    share = -(-len(quiet) // len(LONG))
    for number, name in enumerate(_shuffled(chance, LONG)):
        yield Round((name,), tuple(quiet[number * share : (number + 1) * share]))
    half = len(loud) // 2
    yield Round(("beat killed", "rolling deploy"), tuple(loud[:half]))
    yield Round(("beat frozen", "web killed", "worker halted", "clock off"), tuple(loud[half:]))


def _shuffled(chance: Random, things: Iterable[str]) -> list[str]:
    found = list(things)
    chance.shuffle(found)
    return found
