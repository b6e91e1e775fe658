"""Chance in the tests: the same in every run, so that what makes them red is a change, and not what chance found today.

CHANCE=new draws a new seed for each test that plays with chance; any other word is the seed of all of them ("1"). Each
prints its own, with the name of the variable that has it played again.
"""

import os
from random import SystemRandom

CHANCE = os.environ.get("CHANCE", "1")
ALWAYS_NEW = CHANCE == "new"


def a_seed(variable: str = "") -> str:
    """The seed in that variable of the environment, or else the one that CHANCE asks for."""
    return os.environ.get(variable) or (f"{SystemRandom().getrandbits(32):x}" if ALWAYS_NEW else CHANCE)
