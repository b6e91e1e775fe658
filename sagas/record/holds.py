"""Which participants are held, as this process knows it: the table is the truth, this is a glance at it.

A worker process looks again every second (`look`), in a thread of its own, so that no step pays for it. What it finds
makes a claim take the saga's lock and ask the table; while nothing is held nobody is asked anything.
"""

from collections.abc import Iterable, Mapping
from uuid import UUID

from gateway.borrowing import borrowed
from sagas.models import Hold, Run, Saga
from sagas.record import clock

Held = Mapping[tuple[str, str], frozenset[str]]
"""The sagas that may pass all the same, by tenant and participant."""

MOST_OF_A_FAMILY = 1000

_held: Held = {}


def look() -> None:
    """Look again."""
    global _held
    _held = seen()


def seen() -> Held:
    """What the table says, one statement."""
    with borrowed():
        rows = Hold.objects.open().filter(released_at=None)
        return {(row.tenant, row.participant): frozenset(str(one["saga"]) for one in row.canaries) for row in rows}


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


def hold_on(saga: Saga, participants: Iterable[str]) -> Hold | None:
    """The hold that keeps that saga from calling one of them, as the table says it; a canary's children pass, too."""
    found = Hold.objects.in_force(clock.now()).filter(tenant=saga.tenant, participant__in=list(participants))
    open_ones = list(found.order_by("id"))
    line = line_of(saga) if any(hold.canaries for hold in open_ones) else [saga.pk]
    return next((hold for hold in open_ones if not any(map(hold.lets_pass, line))), None)


def line_of(saga: Saga) -> list[UUID]:
    """The saga and those above it, up to the first; nesting is bounded."""
    line, parent = [saga.pk], saga.parent_id
    while parent is not None:
        above = Run.objects.filter(pk=parent).values_list("saga_id", "saga__parent_id").first()
        if above is None:
            break
        line.append(above[0])
        parent = above[1]
    return line


def family_of(sagas: Iterable[UUID]) -> list[UUID]:
    """The sagas and all below them, at most `MOST_OF_A_FAMILY` of each generation; a statement for each of these."""
    family = youngest = list(sagas)
    while youngest:
        born = Saga.objects.filter(parent__saga_id__in=youngest).order_by("pk").values_list("pk", flat=True)
        youngest = list(born[:MOST_OF_A_FAMILY])
        family = family + youngest
    return family
