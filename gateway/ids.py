"""Identifiers that sort by the time they were made."""

import os
import time
import uuid


def uuid7() -> uuid.UUID:
    """A new UUID of version 7 (RFC 9562): 48 bits of milliseconds, then 74 random bits.

    New rows land at the end of an index instead of anywhere in it. The time is this machine's; nothing depends on it.
    """
    milliseconds = time.time_ns() // 1_000_000 & (1 << 48) - 1
    chance = int.from_bytes(os.urandom(10))
    high = milliseconds << 16 | 0x7000 | chance >> 68
    low = 0b10 << 62 | chance & (1 << 62) - 1
    return uuid.UUID(int=high << 64 | low)
