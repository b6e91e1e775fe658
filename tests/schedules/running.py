"""Many schedules, one after the other."""

import time
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import count, takewhile

from tests.schedules.plan import drawn
from tests.schedules.schedule import Played, play


@dataclass
class Tally:
    """What was played so far: how many, in how much of the processor's time, and what was seen in them."""

    schedules: int = 0
    commits: int = 0
    seen: Counter[str] = field(default_factory=Counter)
    began: float = field(default_factory=time.process_time)

    def add(self, played: Played) -> None:
        self.schedules += 1
        self.commits += played.commits
        self.seen += played.seen

    @property
    def a_minute(self) -> float:
        """Schedules in a minute of one core."""
        return self.schedules * 60 / max(time.process_time() - self.began, 0.001)

    def __str__(self) -> str:
        told = ", ".join(f"{what} {times}" for what, times in self.seen.most_common())
        return f"{self.schedules} schedules, {self.commits} commits, {self.a_minute:.0f} a minute and core: {told}"


def played(base: str, numbers: Iterable[int], tally: Tally) -> Iterator[Played]:
    """The schedules of that base seed with these numbers."""
    for number in numbers:
        one = play(drawn(f"{base}:{number}"))
        tally.add(one)
        yield one


def played_for(base: str, budget: timedelta, tally: Tally) -> Iterator[Played]:
    """Schedules of that base seed, for so much of the processor's time."""
    until = time.process_time() + budget.total_seconds()
    return played(base, takewhile(lambda number: time.process_time() < until, count()), tally)
