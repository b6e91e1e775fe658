"""When people are told of trouble: what is found now, what was told before, and what is to be told; pure.

A trouble has episodes. One begins when the trouble is found, and ends when it is not any more. Of each, people are told
when it begins, once if it grows, once if it grows old, and when it is over. One that comes back within the cool-down
is told of when that has passed, if it is still there.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum


class What(StrEnum):
    """What people are told."""

    NEW = "new"
    MANY = "many"
    OLD = "old"
    OVER = "over"


@dataclass(frozen=True, kw_only=True)
class Policy:
    """From when on people are told: `many` new failures within a `window`, the oldest being `old`."""

    cool_down: timedelta = timedelta(hours=1)
    many: int = 50
    window: timedelta = timedelta(minutes=10)
    old: timedelta = timedelta(hours=4)


@dataclass(frozen=True, kw_only=True)
class Trouble:
    """What is found of one trouble: how often, since when, how often within the window, and whether it is muted."""

    count: int
    since: datetime
    lately: int = 0
    is_muted: bool = False


@dataclass(frozen=True, kw_only=True)
class Episode:
    """What was told of it: `told_at` was the last time, `over_at` when it ended; it is open without that."""

    told: frozenset[str]
    told_at: datetime
    over_at: datetime | None = None


def to_tell(found: Trouble | None, before: Episode | None, now: datetime, policy: Policy) -> Iterator[What]:
    """What is to be told now; `NEW` begins an episode, `OVER` ends it."""
    is_open = before is not None and before.over_at is None
    if found is None:
        if is_open:
            yield What.OVER
        return
    if found.is_muted:
        return
    if before is not None and not is_open and before.told_at > now - policy.cool_down:
        return
    told = before.told if before is not None and is_open else frozenset()
    if not is_open:
        yield What.NEW
    elif What.MANY not in told and found.lately >= policy.many:
        yield What.MANY
    elif What.OLD not in told and found.since <= now - policy.old:
        yield What.OLD
