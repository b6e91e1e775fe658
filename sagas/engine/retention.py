"""What has ended long ago is removed: families of sagas, in batches, and nothing that anybody may still need.

A family is a saga that nobody's child it is, with all its descendants. It is kept whole while one of them is live, has
ended too late, has an open incident, has anything still to do, or is what a live saga was cloned from.
"""

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import chain
from typing import IO
from uuid import UUID

from django.core import serializers
from django.db import models
from django.db.models import Exists, OuterRef, Q

from sagas.models import Audit, Callback, Incident, Journal, Proposal, Revision, Run, Saga, Signal
from sagas.record.commit import commit
from sagas.words import boundaries

BATCH = 200
ROWS: tuple[type[models.Model], ...] = (Run, Journal, Signal, Incident, Audit, Revision, Callback, Proposal)
SLACK = timedelta(days=1)
"""How far the clock that an id was made by may have been from the database's."""


@dataclass(frozen=True, kw_only=True)
class Batch:
    """How many sagas were removed and how many kept, and the last one that was looked at."""

    removed: int
    kept: int
    last: UUID


def prune(
    before: datetime, *, archive: IO[str] | None = None, dry_run: bool = False, most: int = BATCH
) -> Iterator[Batch]:
    """Remove what ended before then, so many families in one transaction each; nobody waits for more than that.

    Each row is first written to the file `archive`, a line of JSON that `loaddata` reads. `dry_run` removes nothing.
    """
    after = UUID(int=0)
    while (batch := _prune(before, after, archive, dry_run, most)) is not None:
        yield batch
        after = batch.last


def _prune(before: datetime, after: UUID, archive: IO[str] | None, dry_run: bool, most: int) -> Batch | None:
    with commit():
        old = Saga.objects.filter(pk__gt=after, pk__lt=_first_id(before + SLACK), parent=None, ended_at__lt=before)
        roots = list(old.order_by("pk").select_for_update()[:most])
        if not roots:
            return None
        generations = list(_generations(roots))
        root_of = {saga.pk: root for generation in generations for saga, root in generation.items()}
        needed = {root_of[pk] for pk in _needed(root_of, before)}
        going = [[saga for saga, root in each.items() if root not in needed] for each in generations]
        removed = sum(map(len, going))
        if not dry_run:
            write_to(archive, *_with_their_rows([saga for each in going for saga in each]))
            for each in reversed(going):  # children first: a row with a child cannot go
                Saga.objects.filter(pk__in=[saga.pk for saga in each]).delete()
            if removed:
                boundaries.committed("pruned")
        return Batch(removed=removed, kept=len(root_of) - removed, last=roots[-1].pk)


def _generations(roots: list[Saga]) -> Iterator[dict[Saga, UUID]]:
    """The sagas, then their children, then theirs, locked; each with the root of its family."""
    found = {saga: saga.pk for saga in roots}
    while found:
        yield found
        root_of = {saga.pk: root for saga, root in found.items()}
        children = Saga.objects.filter(parent__saga__in=root_of).select_related("parent").order_by("pk")
        found = {child: root_of[_parent(child)] for child in children.select_for_update(of=("self",))}


def _parent(child: Saga) -> UUID:
    if child.parent is None:
        raise LookupError(f"Saga {child.pk} has lost its parent.")
    return child.parent.saga_id


def _needed(ids: Iterable[UUID], before: datetime) -> Iterable[UUID]:
    """Those that somebody may still need."""
    active = Run.objects.filter(saga=OuterRef("pk")).active()
    cloned = Saga.objects.live().filter(cloned_from=OuterRef("pk"))
    late = Q(ended_at=None) | Q(ended_at__gte=before) | Q(open_incidents__gt=0)
    sagas = Saga.objects.filter(late | Exists(active) | Exists(cloned), pk__in=list(ids))
    return sagas.values_list("pk", flat=True)


def _with_their_rows(sagas: list[Saga]) -> Iterator[Iterable[models.Model]]:
    if sagas:
        yield sagas
        yield from (model._default_manager.filter(saga__in=sagas).order_by("pk") for model in ROWS)


def write_to(archive: IO[str] | None, *rows: Iterable[models.Model]) -> None:
    """Each row on a line, and on the disk when this returns; nothing without an archive."""
    if archive is not None and rows:
        serializers.serialize("jsonl", list(chain(*rows)), stream=archive)
        archive.flush()
        os.fsync(archive.fileno())


def _first_id(at: datetime) -> UUID:
    """The lowest id that a saga of that time can have."""
    return UUID(int=int(at.timestamp() * 1000) << 80)
