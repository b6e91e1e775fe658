"""How many requests a caller may send in a minute, counted in Django's cache.

Processes that share the cache (Redis) share the count. In local memory each process counts for itself, so a caller may
send so many to each. A cache that is out lets everybody in: a limit must not become an outage.
"""

import logging
import math
import time
from datetime import timedelta

from django.core.cache import cache
from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle
from rest_framework.views import APIView

from gateway import conf, windows
from gateway.callers import Caller
from gateway.problems import Problem

logger = logging.getLogger(__name__)

WINDOW = timedelta(minutes=1)
BREAKER = timedelta(seconds=5)
"""After the cache has failed, it is left alone for so long."""

_closed_until = float("-inf")


class CallerThrottle(BaseThrottle):
    """Refuses with 429 and Retry-After what goes beyond the caller's rate, or the setting `RATE` if it has none."""

    def allow_request(self, request: Request, view: APIView) -> bool:
        """Count the request; whether it is within the rate."""
        caller = request.user
        if not isinstance(caller, Caller):
            return True
        rate = conf.current().RATE if caller.rate is None else caller.rate
        if not rate:
            return True
        return count(windows.key("throttle", f"{caller.tenant} {caller.name}", WINDOW), 2 * WINDOW) <= rate

    def wait(self) -> float | None:
        """Seconds until the next minute begins."""
        return math.ceil(windows.rest(WINDOW).total_seconds())


def bound(what: str, most: int) -> None:
    """Raise a 429 problem for the call that is one too many this minute; for doors that nobody need be known at."""
    if count(windows.key("bound", what, WINDOW), 2 * WINDOW) > most:
        sentence = f"This address takes {most} requests a minute; come again later."
        raise Problem(sentence, status=429, code="throttled", retry_after=windows.rest(WINDOW))


def count(key: str, lifetime: timedelta) -> int:
    """Count one up in the cache, from 1; 0 while the cache does not answer."""
    global _closed_until
    if time.monotonic() < _closed_until:
        return 0
    try:
        for _ in range(3):  # it may expire, or be made by another, between two of these
            try:
                return int(cache.incr(key))
            except ValueError:
                if cache.add(key, 1, lifetime.total_seconds()):
                    return 1
        return 0
    except Exception as error:
        _closed_until = time.monotonic() + BREAKER.total_seconds()
        logger.warning("The cache does not answer (%s); requests are not counted.", type(error).__name__)
        return 0
