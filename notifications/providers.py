"""Which provider is next, and which are left alone: the circuit breakers, shared by all processes through a row each.

A provider that failed `BREAKER_FAILURES` times in a row, that does not let us in, or that asked for a pause, is open:
nothing goes to it. When that time is over one message tries it; if it succeeds, everything goes there again. A provider
with a rate is given no more messages a minute; what is beyond goes to another, or waits without a try.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import DateTimeField, ExpressionWrapper, F, Q, Value
from django.db.models.functions import Coalesce, Greatest, Now

from notifications.channels.channel import providers_of
from notifications.conf import Provider, conf
from notifications.models import ProviderHealth
from notifications.verdict import Outcome, Result

FAILURES = {Result.OUT, Result.DENIED, Result.UNKNOWN}
LONGEST_ERROR = 2000
BURST = timedelta(seconds=2)


@dataclass(frozen=True, kw_only=True)
class Choice:
    """The provider to try, or None and when the first of them may be tried again."""

    name: str | None
    again_at: datetime | None = None


def choose(channel: str, tried: Iterable[str], now: datetime, *, urgent: bool = False) -> Choice:
    """The provider that was tried least often, in the order of the settings, of those that are not left alone.

    What is `urgent` stands in no line before a provider with a rate. Raises `LookupError` when the channel has none.
    """
    names = providers_of(channel)
    if not names:
        raise LookupError(channel)
    health, times = _held(names, now), Counter(tried)
    again_at: list[datetime] = []
    for name in sorted(names, key=lambda name: times[name]):  # sorting keeps the order of what is equal
        row = health.get(name)
        if row is not None and row.open_until is not None and is_open(row, now):
            again_at.append(row.open_until)
        elif (free_at := _slot(name, now, urgent=urgent)) is not None:
            again_at.append(free_at)
        elif _takes(row, now):
            return Choice(name=name)
        else:  # another message tries it at this moment
            again_at.append(now + conf().breaker_pause)
    return Choice(name=None, again_at=min(again_at))


def others(channel: str, tried: Sequence[str], now: datetime) -> bool:
    """Whether another provider than the last one tried had fewer tries, and would take one now."""
    names, times = providers_of(channel), Counter(tried)
    fewer = [name for name in names if times[name] < times[tried[-1]]]
    health = _health(fewer)
    return any(not is_open(health.get(name), now) for name in fewer)


def note(name: str, outcome: Outcome, now: datetime) -> None:
    """What an attempt says of its provider; a success writes only when there were failures."""
    if outcome.result == Result.SENT:
        ProviderHealth.objects.filter(pk=name, failures__gt=0).update(
            failures=0, open_until=None, error="", changed_at=Now()
        )
    elif outcome.result in FAILURES:
        ProviderHealth.objects.get_or_create(pk=name)
        row = ProviderHealth.objects.filter(pk=name)
        row.update(failures=F("failures") + 1, error=outcome.error[:LONGEST_ERROR], changed_at=Now())
        failed_often = row.filter(failures__gte=conf().breaker_failures).exists()
        if failed_often or outcome.result == Result.DENIED or outcome.retry_after:
            row.update(open_until=now + max(conf().breaker_pause, outcome.retry_after or timedelta()))


@dataclass(frozen=True, kw_only=True)
class Standing:
    """How a provider does: "closed" takes everything, "open" is left alone, "trying" is tried by the next message."""

    name: str
    channel: str
    breaker: str
    failures: int = 0
    open_until: datetime | None = None
    error: str = ""
    per_minute: int = 0
    free_at: datetime | None = None
    """When the next message is within its rate; None while there is room."""


def standings(now: datetime) -> list[Standing]:
    """Every provider of the settings, in the order of preference."""
    health = _health(list(conf().providers))
    return [
        _standing(name, entry, health.get(name) or ProviderHealth(pk=name), now)
        for name, entry in conf().providers.items()
    ]


def is_open(row: ProviderHealth | None, now: datetime) -> bool:
    """Whether a provider is left alone."""
    return row is not None and row.open_until is not None and row.open_until > now


def _standing(name: str, entry: Provider, row: ProviderHealth, now: datetime) -> Standing:
    breaker = "closed"
    if row.open_until is not None:
        breaker = "open" if is_open(row, now) else "trying"
    return Standing(
        name=name,
        channel=entry.channel,
        breaker=breaker,
        failures=row.failures,
        open_until=row.open_until,
        error=row.error,
        per_minute=entry.per_minute,
        free_at=row.free_at if row.free_at is not None and row.free_at > now else None,
    )


def _slot(name: str, now: datetime, *, urgent: bool) -> datetime | None:
    """Take a place within the provider's rate: None, or else when to ask again. Bursts are what a sweep may ring for.

    Those that are turned away stand in a line: each comes back when it is its turn, and not all of them at once. The
    line promises nothing: what is urgent comes back for the very next place, and is rung for before the others.
    """
    per_minute = conf().providers[name].per_minute
    if not per_minute:
        return None
    row, interval = ProviderHealth.objects.filter(pk=name), timedelta(minutes=1) / per_minute
    begins = Greatest(Coalesce("free_at", Value(now)), Value(now), output_field=DateTimeField())
    within = row.filter(Q(free_at=None) | Q(free_at__lt=now + BURST))
    if within.update(free_at=ExpressionWrapper(begins + Value(interval), output_field=DateTimeField())):
        return None
    held = row.get()  # locked: see `_held`
    free_at = held.free_at or now
    if urgent:
        return free_at
    turn = max(held.line_at or free_at, free_at)
    row.update(line_at=turn + interval)
    return turn


def _takes(row: ProviderHealth | None, now: datetime) -> bool:
    """Whether it may be tried now; where the time is over, whoever asks first is the one that tries."""
    if row is None or row.open_until is None:
        return True
    if row.open_until > now:
        return False
    mine = ProviderHealth.objects.filter(pk=row.pk, open_until=row.open_until)
    return bool(mine.update(open_until=now + conf().breaker_pause))


def _health(names: Sequence[str]) -> dict[str, ProviderHealth]:
    return ProviderHealth.objects.in_bulk(names)


def _held(names: Sequence[str], now: datetime) -> dict[str, ProviderHealth]:
    """Their health, those that a choice may write locked, in the order of their names.

    A choice that is refused by one provider goes on to the next with the first one's row in its hands, and two messages
    try providers in different orders. Locked in one order, they cannot wait for each other.
    """
    limited = sorted(name for name in names if conf().providers[name].per_minute)
    ProviderHealth.objects.bulk_create([ProviderHealth(pk=name) for name in limited], ignore_conflicts=True)
    health = _health(names)
    written = {name for name, row in health.items() if row.open_until is not None and row.open_until <= now}
    rows = ProviderHealth.objects.filter(pk__in=written.union(limited)).order_by("pk").select_for_update()
    return health | {row.pk: row for row in rows} if written or limited else health
