"""Quiet hours, in the receiver's own time: pure."""

from datetime import UTC, datetime, time, timedelta
from functools import cache
from zoneinfo import ZoneInfo, available_timezones

_HALF_A_DAY_MORE = timedelta(hours=12)


def quiet_until(now: datetime, zone: str, begins: time, ends: time) -> datetime | None:
    """When the quiet hours that it is in are over, as UTC; None when it is in none.

    They are times of the clock on the wall, `begins` in and `ends` out, perhaps over midnight; equal ones are none.
    Where the clock is put forward over their end, they end with the jump. Where it is put back, an hour comes twice and
    is quiet both times, or neither; they end when the wall shows their end and does not go back before it.
    """
    here = ZoneInfo(zone)
    moment = now.astimezone(here)
    if not _within(moment.time(), begins, ends):
        return None
    for day in (moment.date(), moment.date() + timedelta(days=1)):
        for fold in (0, 1):
            end = datetime.combine(day, ends, here).replace(fold=fold).astimezone(UTC)
            if end > now and not _within(end.astimezone(here).time(), begins, ends):
                return end
    return (now + _HALF_A_DAY_MORE).astimezone(UTC)  # a wall that shows no such time for two days is asked again


def is_zone(name: str) -> bool:
    """Whether there is such a time zone."""
    return name in _zones()


@cache
def _zones() -> frozenset[str]:
    return frozenset(available_timezones())  # each asking opens some hundred files


def _within(moment: time, begins: time, ends: time) -> bool:
    if begins <= ends:
        return begins <= moment < ends
    return moment >= begins or moment < ends
