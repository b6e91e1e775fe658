"""Which faults happen when: rounds, made from a seed.

In each round faults of processes go on in one lane and faults of services beside them in another; the next round begins
when both are through. What kills or halts a worker has no fault of the database beside it, in most rounds, so that a
take-over is measured as it was promised: with a database that answers.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from random import Random

from tests.soak.faults import KINDS
from tests.soak.kinds import Part

LONG = ("worker killed", "child killed", "worker frozen")
SHORT = ("beat killed", "beat frozen", "web killed", "worker halted", "clock off", "rolling deploy")
SERVICES = tuple(name for name in KINDS if name not in LONG + SHORT)
QUIET = tuple(name for name in SERVICES if Part.DATABASE not in KINDS[name].touches)
LOUD = tuple(name for name in SERVICES if Part.DATABASE in KINDS[name].touches)


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
    made = list(_every_kind(chance))
    while len(made) < rounds:
        made += _more(chance)
    return [
        Round(*(tuple(name for name in lane if name not in left_out) for lane in (each.processes, each.services)))
        for each in made[:rounds]
    ]


def _every_kind(chance: Random) -> Iterator[Round]:
    quiet, loud = _shuffled(chance, QUIET), _shuffled(chance, LOUD)
    third = -(-len(quiet) // 3)
    for number, name in enumerate(_shuffled(chance, LONG)):
        yield Round((name,), tuple(quiet[number * third : (number + 1) * third]))
    half = len(loud) // 2
    yield Round(("beat killed", "rolling deploy"), tuple(loud[:half]))
    yield Round(("beat frozen", "web killed", "worker halted", "clock off"), tuple(loud[half:]))
    yield Round((chance.choice(LONG),), tuple(chance.sample(QUIET, 2)))


def _more(chance: Random) -> Iterator[Round]:
    """Six more rounds, in any order."""
    rounds = [Round((name,), tuple(chance.sample(QUIET, 2))) for name in LONG]
    rounds.append(Round((chance.choice(LONG),), tuple(chance.sample(SERVICES, 3))))
    rounds.append(Round(("beat killed", "worker halted", "clock off"), tuple(chance.sample(LOUD, 3))))
    rounds.append(Round(("beat frozen", "web killed", "rolling deploy"), tuple(chance.sample(LOUD, 3))))
    yield from _shuffled(chance, rounds)


def _shuffled(chance: Random, things: Iterable[object]) -> list:
    found = list(things)
    chance.shuffle(found)
    return found
