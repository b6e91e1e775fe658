"""Which participants are held, as this process knows it: the table is the truth, this is a glance at it.

A worker process looks again every second (`look`), in a thread of its own, so that no step pays for it. What it finds
makes a claim take the saga's lock and ask the table; while nothing is held nobody is asked anything.
"""

from collections.abc import Iterable, Mapping
from uuid import UUID

from gateway.borrowing import borrowed
from sagas.models import Hold
from sagas.record import clock

Held = Mapping[tuple[str, str], frozenset[str]]
"""The sagas that may pass all the same, by tenant and participant."""

_held: Held = {}


def look() -> None:
    """Ask the table, one statement."""
    global _held
    with borrowed():
        rows = Hold.objects.open().filter(released_at=None)
        _held = {(row.tenant, row.participant): frozenset(str(one["saga"]) for one in row.canaries) for row in rows}


def forget() -> None:
    """Know of nothing that is held; for tests."""
    global _held
    _held = {}


def any_held() -> bool:
    """Is anything held, as far as this process knows?"""
    return bool(_held)


def may_be_held(tenant: str, participants: Iterable[str], saga_id: UUID) -> bool:
    """Is one of them held for that saga, as far as this process knows?"""
    return any(str(saga_id) not in _held.get((tenant, name), {str(saga_id)}) for name in participants)


def hold_on(tenant: str, participants: Iterable[str], saga_id: UUID) -> Hold | None:
    """The hold that keeps that saga from calling one of them, as the table says it."""
    found = Hold.objects.in_force(clock.now()).filter(tenant=tenant, participant__in=list(participants))
    return next((hold for hold in found.order_by("id") if not hold.lets_pass(saga_id)), None)
