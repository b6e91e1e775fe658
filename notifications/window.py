"""Until when messages are collected, in the receiver's own time: pure."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from notifications.conf import Digest

_DAYS = 3
"""What a wall shows neither today nor tomorrow, it shows on the day after: clocks are not changed every day."""


def window_end(now: datetime, zone: str, digest: Digest) -> datetime:
    """The end of the window that begins now, as UTC.

    A time of the clock on the wall comes once a day: where the clock is put forward over it, as much later as the clock
    jumped; where it is put back, the first of both times.
    """
    if not digest.at:
        return now + digest.every
    here = ZoneInfo(zone)
    today = now.astimezone(here).date()
    ends = [
        datetime.combine(today + timedelta(days=days), moment, here).astimezone(UTC)
        for days in range(_DAYS)
        for moment in digest.at
    ]
    return min(end for end in ends if end > now)
