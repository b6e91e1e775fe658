"""Mutants against schedules: does a break in production code show?"""

from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import timedelta

from tests.schedules.running import Tally, played_for
from tests.schedules.schedule import Played

Mutant = Callable[[], AbstractContextManager[object]]


def killed(mutant: Mutant, budget: timedelta, seed: str = "mutants") -> Played | None:
    """Play schedules on SQLite with the mutant in place until one fails: that one, not made smaller, or None.

    `mutant` makes a context manager within which production code is broken; `budget` is of the processor's time. A
    mutant that is not killed has survived: either the judge does not see what it does, or no schedule came there. Give
    the same seed for the same schedules. Call it where Django is set up; the test's own database is not touched.
    """
    with mutant():
        return next((played for played in played_for(seed, budget, Tally()) if played.wrong), None)
