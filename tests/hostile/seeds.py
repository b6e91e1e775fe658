"""Chance that can be replayed: FUZZ holds a seed that was printed."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from random import Random, SystemRandom


def a_seed() -> str:
    """The one in FUZZ; a new one for long runs (`make fuzz`), and always the same otherwise.

    So what makes the tests red is a change, and not what chance found today.
    """
    given = os.environ.get("FUZZ")
    return given or (f"{SystemRandom().getrandbits(32):x}" if "FUZZ_MINUTES" in os.environ else "1")


@contextmanager
def replaying(seed: str) -> Iterator[Random]:
    """A chance of that seed; what fails within it says how to have it again."""
    try:
        yield Random(seed)
    except BaseException:
        sys.stdout.write(f"\nreplay with FUZZ={seed}\n")
        raise
