"""Mutants against schedules: does a break in production code show?"""

from collections.abc import Callable
from contextlib import AbstractContextManager

from tests.schedules.running import Tally, played
from tests.schedules.schedule import Played

Mutant = Callable[[], AbstractContextManager[object]]


def killed(mutant: Mutant, runs: int, seed: str = "mutants") -> Played | None:
    """Play so many schedules on SQLite with the mutant in place, or until one fails: that one, not made smaller.

    `mutant` makes a context manager within which production code is broken; one that is not killed has survived: either
    the judge does not see what it does, or no schedule came there. The same seed is the same schedules. Call it where
    Django is set up; the test's own database is not touched.
    """
    with mutant():
        return next((one for one in played(seed, range(runs), Tally()) if one.wrong), None)
