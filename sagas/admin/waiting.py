"""What the oldest sagas wait for, by reason: which signal, whose yes, which participant's next answer."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sagas.admin.attempts import span
from sagas.models import Run, Work
from sagas.models.saga import SagaQuerySet

MOST_SAGAS = 1000
MOST_SHOWN = 8
COLUMNS = (
    *("saga__definition", "path", "kind", "work", "at", "since", "started_at", "saga_id"),
    *("parked_at", "hold__participant"),
)


@dataclass(frozen=True, kw_only=True)
class Waiting:
    """One reason: what is waited for, by how many of the oldest sagas, since when, and the one that waits longest."""

    definition: str
    path: str
    what: str
    count: int
    longest: str
    saga: UUID


def oldest_waiting(sagas: SagaQuerySet, now: datetime) -> list[Waiting]:
    """The reasons, the one that is oldest first; of the oldest live sagas alone."""
    # Asked of the index of what is live, which knows no more of them: else PostgreSQL would go through all that ended
    # before. And apart from the runs, of which it would rather read all.
    oldest = list(sagas.live().order_by("id").values_list("pk", flat=True)[:MOST_SAGAS])
    runs = Run.objects.active().filter(saga_id__in=oldest, saga__paused_at=None).exclude(kind=Run.Kind.MESSAGE)
    found: dict[tuple[str, str, str], list[tuple[datetime, UUID]]] = {}
    for definition, path, kind, work, at, since, started, saga, parked, held in runs.values_list(*COLUMNS):
        begin = parked or (at if work == Work.DUE and at <= now else since or started or now)
        what = f"waits for {held}, which is held" if parked and held else _what(kind, work, at, now)
        found.setdefault((definition, path, what), []).append((min(begin, now), saga))
    ordered = sorted((min(waits), key, len(waits)) for key, waits in found.items())
    return [
        Waiting(definition=definition, path=path, what=what, count=count, longest=span(now - since), saga=saga)
        for (since, saga), (definition, path, what), count in ordered[:MOST_SHOWN]
    ]


def _what(kind: str, work: str, at: datetime, now: datetime) -> str:
    if work == Work.RUNNING:
        return "is under way"
    if work == Work.DUE:
        return "waits for a worker" if at <= now else "waits for its next try"
    said = {Run.Kind.WAIT: "a signal", Run.Kind.APPROVAL: "a yes or no", Run.Kind.SLEEP: "its time"}
    return f"waits for {said.get(Run.Kind(kind), 'a child')}"
