"""Medians, ranges and ratios over the rounds of a run: pure functions of numbers by round."""

from collections.abc import Mapping
from dataclasses import dataclass
from statistics import median

ByRound = Mapping[int, float | None]
"""A number for each round in which there was one to take; None where a result was missing."""


@dataclass(frozen=True)
class Spread:
    """The median of some rounds, the lowest and the highest; `missing` is in how many more there was no number."""

    median: float
    low: float
    high: float
    rounds: int
    missing: int = 0


def spread(numbers: ByRound) -> Spread | None:
    """What the rounds say together; None when none of them has a number."""
    there = [number for number in numbers.values() if number is not None]
    if not there:
        return None
    return Spread(median(there), min(there), max(there), len(there), len(numbers) - len(there))


def ratio(ours: ByRound, theirs: ByRound) -> Spread | None:
    """How many times theirs ours is, from the rounds that have both: the same minutes on the same machine."""
    both = {
        number: None if mine is None or other is None else mine / other
        for number, mine in ours.items()
        if (other := theirs.get(number, 0.0)) != 0.0
    }
    return spread(both)


def highest(numbers: Mapping[str, ByRound]) -> str | None:
    """The name of the one with the highest median; None when nobody has one."""
    medians = {name: found.median for name, by_round in numbers.items() if (found := spread(by_round))}
    return max(medians, key=lambda name: medians[name]) if medians else None
