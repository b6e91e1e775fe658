"""Lengths of time, as an author says them."""

from datetime import timedelta

UNITS = (("day", 86400), ("h", 3600), ("min", 60), ("s", 1))


def span(time: timedelta) -> str:
    """A length of time in its largest unit that fits: "30 min", "90 s", "2 days"."""
    seconds = time.total_seconds()
    for unit, size in UNITS:
        if seconds >= size and seconds % size == 0:
            count = int(seconds // size)
            return f"{count} {unit}{'s' if unit == 'day' and count > 1 else ''}"
    return f"{seconds:g} s"
