"""What people have set going and not ended: participants that are held, and operations on many sagas.

It stands above everything else, so that nobody repairs what somebody is repairing, or looks for a fault that is a hold.
"""

from collections.abc import Collection
from dataclasses import dataclass

from django.db.models import QuerySet

from sagas.admin.verbs import VERBS
from sagas.models import BulkOperation, Hold
from sagas.operations import holding

MOST_HOLDS = 10
MOST_OPERATIONS = 50
"""Of so many of the latest operations those are shown that have not ended."""
AT_WORK = (BulkOperation.State.RUNNING, BulkOperation.State.PAUSED)


@dataclass(frozen=True, kw_only=True)
class Interventions:
    """What is held, and what is done to many, each operation with what its verb is called."""

    holds: list[Hold]
    operations: list[tuple[BulkOperation, str]]


@dataclass(frozen=True, kw_only=True)
class Called:
    """A participant that a step calls, and the hold on it, if there is one."""

    name: str
    hold: Hold | None


def interventions(
    tenant: str, definitions: Collection[str] | None, operations: QuerySet[BulkOperation]
) -> Interventions:
    """Of one tenant, and of the `definitions` that one may know of, None is all; two statements."""
    known = None if definitions is None else {called for called in holding.known() if _of(called, definitions)}
    mine = Hold.objects.open().filter(tenant=tenant)
    mine = mine if known is None else mine.filter(participant__in=known)
    latest = operations.order_by("-pk")[:MOST_OPERATIONS]
    return Interventions(
        holds=list(mine.order_by("held_at")[:MOST_HOLDS]),
        operations=[(one, VERBS[one.verb].label) for one in latest if one.state in AT_WORK],
    )


def called_by(tenant: str, definition: str, path: str) -> list[Called]:
    """The participants that a step calls, as this process knows its table; one statement."""
    names = [name for name, steps in holding.known().items() if (definition, path) in steps]
    holds = {hold.participant: hold for hold in Hold.objects.open().filter(tenant=tenant, participant__in=names)}
    return [Called(name=name, hold=holds.get(name)) for name in sorted(names)]


def _of(participant: str, definitions: Collection[str]) -> bool:
    return any(definition in definitions for definition, _ in holding.known()[participant])
