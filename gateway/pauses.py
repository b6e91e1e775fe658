"""How long nobody tries again: what the other side asked for, and what we wait by ourselves."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

MOST_DOUBLINGS = 20


def doubling(tries: int, *, first: timedelta, longest: timedelta) -> timedelta:
    """The pause after so many tries, from 1 on: `first`, then each twice as long as the one before, up to `longest`."""
    pause: timedelta = first * 2 ** min(max(tries - 1, 0), MOST_DOUBLINGS)
    return min(pause, longest)


def at_least(asked: timedelta | None, pause: timedelta, *, longest: timedelta) -> timedelta:
    """The pause, or what the other side asked for where that is longer; also that is no longer than `longest`."""
    return max(pause, min(asked or pause, longest))


def retry_after(headers: Mapping[str, str], *, longest: timedelta) -> timedelta | None:
    """The Retry-After of an answer (seconds or a date), at least nothing and at most `longest`; None if unreadable.

    A date is held against the answer's own Date, because the two clocks need not agree.
    """
    text = headers.get("retry-after", "").strip()
    if re.fullmatch(r"[+-]?[0-9]{1,12}(\.[0-9]{1,6})?", text):
        wait = timedelta(seconds=min(float(text), longest.total_seconds()))
    else:
        at = _date(text)
        if at is None:
            return None
        wait = at - (_date(headers.get("date", "")) or datetime.now(UTC))
    return max(timedelta(0), min(wait, longest))


def _date(text: str) -> datetime | None:
    try:
        at = parsedate_to_datetime(text)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    return at if at.tzinfo else at.replace(tzinfo=UTC)
