"""Spans of time, as people write them for a command: 90d, 12h, 30m, 15s."""

import re
from argparse import ArgumentTypeError
from datetime import timedelta

UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}
LONGEST = timedelta(days=36_525)


def span(text: str) -> timedelta:
    """A number and its unit, up to a hundred years. Raises `ArgumentTypeError`, for argparse to show."""
    found = re.fullmatch(r"(\d{1,9})([smhd])", text)
    time = timedelta(**{UNITS[found[2]]: int(found[1])}) if found else None
    if time is None or time > LONGEST:
        raise ArgumentTypeError("write a time as 90d, 12h or 30m")
    return time
