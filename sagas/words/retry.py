"""How often and how patiently something is tried again."""

import random
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta

LONGEST_RETRY_AFTER = timedelta(hours=1)


@dataclass(frozen=True, kw_only=True)
class Retry:
    """A policy: at most `attempts` tries, the pauses between them growing from `first` to `longest`.

    The pause after try n is drawn evenly from zero to `first * factor ** (n - 1)`, cut at `longest` ("full
    jitter", Marc Brooker, AWS Architecture Blog, 2015): participants that come back are not met by everybody
    at once.
    """

    attempts: int | None = 5
    """Tries in all, the first included; `None` never gives up (and is refused by the checks)."""
    first: timedelta = timedelta(seconds=1)
    longest: timedelta = timedelta(minutes=1)
    factor: float = 2.0

    def delay(self, tries: int, *, after: timedelta | None = None, chance: float | None = None) -> timedelta:
        """The pause after `tries` tries; never shorter than `after`, what the participant asked for.

        `after` counts up to an hour. `chance` in [0, 1) replaces the draw, for tests and previews.
        """
        exponent = min(max(tries - 1, 0), 64)
        ceiling = self.longest.total_seconds()
        with suppress(OverflowError):
            ceiling = min(self.first.total_seconds() * self.factor**exponent, ceiling)
        drawn = timedelta(seconds=ceiling * (random.random() if chance is None else chance))  # noqa: S311 - jitter, no secret
        return max(drawn, min(after, LONGEST_RETRY_AFTER)) if after else drawn

    def spent(self, tries: int) -> bool:
        """Was that the last try?"""
        return self.attempts is not None and tries >= self.attempts


STANDARD = Retry()
"""The default of an action: five tries, with pauses of 15 seconds in all at most."""

PATIENT = Retry(attempts=20, first=timedelta(seconds=5), longest=timedelta(minutes=10))
"""The default on the way back: twenty tries, with pauses of about an hour in all, a little over two at most."""
