"""How events stand: how many wait to leave and since when, how many need a person, and why a target is not reached.

    for line in going_out():  line.name, line.waiting, line.parked, line.oldest, line.trouble
    for line in coming_in():  line.name, line.waiting, line.parked, line.oldest

For metrics, health and the console. Counts stop at `MOST`: beyond that it is enough to know that it is a lot.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import QuerySet

from sagas.conf import conf
from sagas.models import EventLane, InboxEvent, OutboxEvent

MOST = 100_000
NOWHERE = "(no target)"
"""What was published, and no target takes."""


@dataclass(frozen=True, kw_only=True)
class Line:
    """One target, or one source.

    `waiting` are to be sent, or wait for their saga; `oldest` is since when the first of them has. `parked` need a
    person. `trouble` is why a target cannot be reached, and `since` from when on.
    """

    name: str
    kind: str
    waiting: int
    parked: int
    oldest: datetime | None = None
    trouble: str = ""
    since: datetime | None = None

    @property
    def key(self) -> str:
        """The target as its events name it."""
        return "" if self.name == NOWHERE else self.name


def going_out(tenant: str | None = None) -> list[Line]:
    """Each target that is declared, or has something; with a tenant only what is parked of that tenant's."""
    lanes = {lane.name: lane for lane in EventLane.objects.all()}
    known = {name: str(given.get("kind", "")) for name, given in conf().event_targets.items()}
    parked = OutboxEvent.objects.filter(state=OutboxEvent.State.PARKED)
    mine = parked if tenant is None else parked.filter(tenant=tenant)
    names = [*known, *sorted(({*lanes} | _names(parked, "target")) - {*known})]
    return [_out(name, known.get(name, ""), lanes.get(name), mine) for name in names]


def _out(name: str, kind: str, lane: EventLane | None, parked: QuerySet[OutboxEvent]) -> Line:
    open_ones = [OutboxEvent.objects.filter(target=name, state=state) for state in ("waiting", "retrying", "held")]
    firsts = [found.order_by("due_at" if n == 1 else "id").first() for n, found in enumerate(open_ones)]
    return Line(
        name=name or NOWHERE,
        kind=kind,
        waiting=sum(map(_count, open_ones)),
        parked=_count(parked.filter(target=name)),
        oldest=min((event.at for event in firsts if event is not None), default=None),
        trouble=lane.error if lane else "",
        since=lane.failing_since if lane else None,
    )


def coming_in(tenant: str | None = None) -> list[Line]:
    """Each source that is declared, or has something; with a tenant only what is parked of that tenant's."""
    known = {name: str(given.get("kind", "")) for name, given in conf().event_sources.items()}
    parked = InboxEvent.objects.filter(state=InboxEvent.State.PARKED)
    mine = parked if tenant is None else parked.filter(tenant=tenant)
    waiting = InboxEvent.objects.filter(state=InboxEvent.State.WAITING)
    names = [*known, *sorted((_names(parked, "source") | _names(waiting, "source")) - {*known})]
    return [_in(name, known.get(name, ""), waiting.filter(source=name), mine.filter(source=name)) for name in names]


def _in(name: str, kind: str, waiting: QuerySet[InboxEvent], parked: QuerySet[InboxEvent]) -> Line:
    first = waiting.order_by("at").first()
    oldest = first.at if first is not None else None
    return Line(name=name, kind=kind, waiting=_count(waiting), parked=_count(parked), oldest=oldest)


def _names(rows: QuerySet[Any], column: str) -> set[str]:
    found: Iterable[str] = rows.order_by().values_list(column, flat=True)[:MOST]
    return set(found)


def _count(rows: QuerySet[Any]) -> int:
    return rows.order_by().values("pk")[:MOST].count()
