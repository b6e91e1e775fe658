"""What belongs to no saga and has ended long ago: alerts, bulk operations, holds, and what was decided about them.

It goes with the sagas of its time, when somebody says so; what is still open, or is still to be told, is kept.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime
from typing import IO, Any

from django.db.models import Exists, Model, OuterRef, Q, QuerySet

from sagas.engine.retention import write_to
from sagas.models import Alert, AlertMessage, Audit, BulkItem, BulkOperation, Hold, Proposal, Run
from sagas.record.commit import commit
from sagas.words import boundaries

AT_ONCE = 20
"""So many in one transaction: a bulk operation has ten thousand items."""

Below = Callable[[Sequence[Any]], QuerySet[Any]]


def prune(before: datetime, *, archive: IO[str] | None = None, dry_run: bool = False) -> Iterator[int]:
    """Remove what ended before then, some in each transaction; how many those were, what belongs to them not counted.

    Each row is first written to the file `archive`. `dry_run` removes nothing.
    """
    for old, below in _ended(before):
        if dry_run:
            yield old.count()
            continue
        while removed := _prune(old, below, archive):
            yield removed


def _prune(old: QuerySet[Any], below: Below | None, archive: IO[str] | None) -> int:
    with commit():
        rows = list(old.order_by("pk").select_for_update(skip_locked=True)[:AT_ONCE])
        parts: list[Iterable[Model]] = [below(rows).order_by("pk")] if below is not None else []
        write_to(archive, rows, *parts)
        old.model._default_manager.filter(pk__in=[row.pk for row in rows]).delete()
        if rows:
            boundaries.committed("pruned")
    return len(rows)


def _ended(before: datetime) -> Iterator[tuple[QuerySet[Any], Below | None]]:
    """Each kind of rows, and what of theirs goes with them."""
    untold = AlertMessage.objects.filter(alert=OuterRef("pk"), done_at=None)
    yield (
        Alert.objects.filter(~Exists(untold), over_at__lt=before),
        lambda rows: AlertMessage.objects.filter(alert__in=rows),
    )
    parked = Run.objects.filter(hold=OuterRef("pk"))
    yield Hold.objects.filter(~Exists(parked), ended_at__lt=before), None
    decided = Q(decided_at__lt=before) | Q(decided_at=None, expires_at__lt=before)
    yield Proposal.objects.filter(decided, saga=None), None
    yield BulkOperation.objects.filter(ended_at__lt=before), lambda rows: BulkItem.objects.filter(operation__in=rows)
    yield Audit.objects.filter(saga=None, at__lt=before), None
