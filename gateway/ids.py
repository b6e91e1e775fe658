"""Identifiers that sort by the time they were made."""

import os
import threading
import time
import uuid

_FRACTIONS = 4096  # of a millisecond: 12 bits


class _Last(threading.local):
    """What this thread made last; a lock for all would outlive a fork."""

    ticks = 0


_last = _Last()


def uuid7() -> uuid.UUID:
    """A new UUID of version 7: 48 bits of milliseconds, 12 bits of their fraction, then 62 random bits.

    Each is greater than the one this thread made before, also within one tick and after the clock was put back
    (RFC 9562, 6.2, method 3): what is made together keeps its order. New rows land at the end of an index instead of
    anywhere in it. The time is this machine's: between others the order is as good as their clocks, and nothing
    depends on it.
    """
    ticks = _last.ticks = max(time.time_ns() * _FRACTIONS // 1_000_000, _last.ticks + 1)
    milliseconds, fraction = divmod(ticks, _FRACTIONS)
    high = (milliseconds & (1 << 48) - 1) << 16 | 0x7000 | fraction
    low = 0b10 << 62 | int.from_bytes(os.urandom(8)) >> 2
    return uuid.UUID(int=high << 64 | low)
