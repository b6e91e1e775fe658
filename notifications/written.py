"""Categories as JSON writes them, so that the environment can name some: durations and times of day are texts there.

{"comments": {"digest": {"every": "PT30M"}},
 "report":   {"digest": {"at": ["08:00", "18:00"], "template": "report"}, "per_hour": 5, "over": "digest"},
 "offer":    {"lifetime": "P1D", "quiet": true}}
"""

from collections.abc import Mapping
from datetime import time, timedelta
from typing import Any

from django.core.exceptions import ImproperlyConfigured
from django.utils.dateparse import parse_duration

from notifications.conf import Category, Digest


def category(name: str, entry: Any) -> Category:
    """One of them, or what Python's settings give as one already. Raises `ImproperlyConfigured`."""
    if isinstance(entry, Category):
        return entry
    try:
        if not isinstance(entry, Mapping):
            raise TypeError(repr(entry))
        said = dict(entry)
        for switch in ("mandatory", "repeat", "quiet"):
            if not isinstance(said.get(switch, True), bool):
                raise ValueError(f"{switch} is true or false")
        if said.get("lifetime") is not None:
            said["lifetime"] = _duration(said["lifetime"])
        if said.get("digest") is not None:
            said["digest"] = _digest(said["digest"])
        return Category(**said)
    except (TypeError, ValueError) as error:
        raise ImproperlyConfigured(
            f'NOTIFICATIONS["CATEGORIES"][{name!r}] is a dict of mandatory, repeat, quiet, lifetime, digest, per_hour'
            f" and over; this one is not: {error}."
        ) from None


def _digest(entry: Mapping[str, Any]) -> Digest:
    said = dict(entry)
    if "every" in said:
        said["every"] = _duration(said["every"])
    said["at"] = tuple(time.fromisoformat(moment) for moment in said.get("at", ()))
    return Digest(**said)


def _duration(text: Any) -> timedelta:
    found = parse_duration(text) if isinstance(text, str) else None
    if found is None:
        raise ValueError(f"{text!r} is no duration like PT30M")
    return found
