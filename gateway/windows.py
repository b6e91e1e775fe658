"""Stretches of time in which something is counted in the cache; they begin and end at once for all processes."""

import hashlib
import time
from datetime import timedelta


def key(kind: str, what: str, length: timedelta) -> str:
    """What it is counted under in the present window of that length; only a hash of `what` goes to the cache."""
    window = int(time.time() // length.total_seconds())
    return f"{kind}:{hashlib.sha256(what.encode()).hexdigest()[:32]}:{window}"


def rest(length: timedelta) -> timedelta:
    """How long the present window of that length still lasts."""
    return length - timedelta(seconds=time.time() % length.total_seconds())
