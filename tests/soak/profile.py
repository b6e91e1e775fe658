"""How long, how much, and what a run must have seen so that its verdict means anything."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta


@dataclass(frozen=True, kw_only=True)
class Profile:
    """One size of the soak. `least` is how often each of these must have been seen, or the run proves nothing."""

    name: str
    sagas: int
    """So many are started, or as many as there is time for until the plan of faults is over, whichever is more."""
    rate: float
    """Starts in a second, at most."""
    most_live: int
    """With so many under way nobody starts another: few enough that no step waits long for a worker."""
    rounds: int
    """How many rounds of faults; the short profile's first rounds have every kind."""
    least_faults: int
    least_kinds: int
    least_takeovers: int
    least_undisturbed: int
    least_late: int
    bounds: bool
    """Whether there is enough of everything to hold percentiles to what is promised."""

    @property
    def least(self) -> Mapping[str, int]:
        """The same by name, for the report."""
        return {
            "faults": self.least_faults,
            "kinds of faults": self.least_kinds,
            "take-overs": self.least_takeovers,
            "undisturbed take-overs": self.least_undisturbed,
            "refused late writes": self.least_late,
        }


SHORT = Profile(
    name="short",
    sagas=150,
    rate=5,
    most_live=30,
    rounds=6,
    least_faults=20,
    least_kinds=20,
    least_takeovers=2,
    least_undisturbed=1,
    least_late=1,
    bounds=False,
)
STANDARD = Profile(
    name="standard",
    sagas=10_000,
    rate=12,
    most_live=60,
    rounds=54,
    least_faults=170,
    least_kinds=20,
    least_takeovers=40,
    least_undisturbed=20,
    least_late=8,
    bounds=True,
)
LONGER = Profile(
    name="longer",
    sagas=2_000,
    rate=8,
    most_live=40,
    rounds=24,
    least_faults=70,
    least_kinds=20,
    least_takeovers=12,
    least_undisturbed=6,
    least_late=3,
    bounds=True,
)
PROFILES = {profile.name: profile for profile in (SHORT, LONGER, STANDARD)}

DRAIN = timedelta(seconds=60)
"""So long after the last fault nothing may stand still any more."""
EVERYTHING_ENDS = timedelta(minutes=5)
"""How long we wait for the last saga to end; one that is moving is late, not lost."""
TAKEN_OVER_WITHIN = timedelta(seconds=15)
ANSWERED_WITHIN = timedelta(milliseconds=500)
ACCEPTED_AT_LEAST = 0.999
OLDEST_TRANSACTION = timedelta(seconds=5)
