"""Chance that can be replayed: FUZZ holds a seed that was printed, without it CHANCE says which."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from random import Random

from tests.harness import chance


def a_seed() -> str:
    return chance.a_seed("FUZZ")


@contextmanager
def replaying(seed: str) -> Iterator[Random]:
    """A chance of that seed; what fails within it says how to have it again."""
    try:
        yield Random(seed)
    except BaseException:
        sys.stdout.write(f"\nreplay with FUZZ={seed}\n")
        raise
