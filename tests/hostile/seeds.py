"""Chance that can be replayed: FUZZ holds a seed that was printed."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from random import Random, SystemRandom


def a_seed() -> str:
    """The one in FUZZ, or a new one."""
    return os.environ.get("FUZZ") or f"{SystemRandom().getrandbits(32):x}"


@contextmanager
def replaying(seed: str) -> Iterator[Random]:
    """A chance of that seed; what fails within it says how to have it again."""
    try:
        yield Random(seed)
    except BaseException:
        sys.stdout.write(f"\nreplay with FUZZ={seed}\n")
        raise
