"""A saga comes into the database: at once, many in one statement, or behind the holder of its business key."""

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Literal

from django.db import IntegrityError

from sagas.engine.dispatch import ring_after_commit, ring_many_after_commit
from sagas.errors import NotAllowed
from sagas.models import Saga
from sagas.operations.allowing import allowed
from sagas.operations.turning import cancel
from sagas.record import clock
from sagas.record.birth import bear, conceive
from sagas.record.commit import commit
from sagas.record.guess import TakeTheLock
from sagas.record.locked import Locked, turn
from sagas.record.opening import begin_saga
from sagas.record.snapshot import Snapshot
from sagas.words.definition import Definition

OnDuplicate = Literal["return", "refuse", "replace", "queue"]
KEY_RACES = 5


@dataclass(frozen=True, kw_only=True)
class Started:
    """A saga, and whether it is new: `created` is False when an open one with the same business key was returned."""

    saga: Saga
    created: bool
    snapshot: Snapshot | None = field(default=None, compare=False, repr=False)
    """How it stood when it was stored, where that need not be read."""


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """A saga that was asked for and fits: `draft` makes one that is not stored yet."""

    draft: Callable[..., Saga]
    table: Definition
    actor: str
    on_duplicate: OnDuplicate = "return"


def begin_together(wanted: Sequence[Wanted]) -> list[Saga | None]:
    """Begin all that one statement can, on PostgreSQL; None for those that must be begun one by one."""
    try:
        born = [conceive(one.draft(), one.table, one.actor) for one in wanted]
        stored = bear(born)
    except TakeTheLock:
        return [None] * len(wanted)
    ring_many_after_commit([one for one, is_stored in zip(born, stored, strict=True) if is_stored])
    return [one.saga if is_stored else None for one, is_stored in zip(born, stored, strict=True)]


def begin_or_meet(one: Wanted) -> Started:
    """Begin it, or do what `on_duplicate` says about the saga that holds its key."""
    draft, table, on_duplicate = one.draft, one.table, one.on_duplicate
    wanted = draft()
    actor, key = wanted.started_by, wanted.business_key
    for _ in range(KEY_RACES):
        started = _store(draft, table, actor)
        if started is not None:
            return started
        holder = Saga.objects.of_tenant(wanted.tenant).holding(table.name, key).first()
        if holder is None:
            continue
        if on_duplicate == "return":
            return Started(saga=holder, created=False)
        if on_duplicate == "refuse":
            sentence = f"Saga {holder.pk} is open and holds the business key {key!r}."
            raise NotAllowed(sentence, code="duplicate", allowed=allowed(holder))
        successor = _succeed(holder, draft, actor, replace=on_duplicate == "replace")
        if successor is not None:
            return Started(saga=successor, created=True)
    raise NotAllowed(f"The business key {key!r} changes hands too fast; try again.", code="duplicate")


def begin_all(drafts: Sequence[Callable[[], Saga]], table: Definition, actor: str) -> list[Saga]:
    """Begin all of them, none of which has a business key."""
    with suppress(TakeTheLock):
        born = [conceive(draft(), table, actor) for draft in drafts]
        bear(born)
        ring_many_after_commit(born)
        return [one.saga for one in born]
    with commit():
        return [_begin(draft(), table, actor) for draft in drafts]


def _succeed(holder: Saga, draft: Callable[..., Saga], actor: str, *, replace: bool) -> Saga | None:
    """A saga that begins when the holder of its key has ended; None when it just has, so that its key is free.

    It is stored under the holder's lock, or the holder could end without seeing it.
    """
    with commit():
        with turn(holder.pk, actor) as t:
            if t.saga.ended_at:
                return None
            heir = draft(holds_key=False)
            heir.created_at = heir.updated_at = t.now
            queued = Locked(heir, actor, t.now)
            queued.moves.append({"did": "queued", "behind": str(holder.pk)})
            queued.insert()
            t.moves.append({"did": "followed", "by": str(heir.pk)})
        if replace:
            reason = f"Saga {heir.pk} takes its place."
            cancel(holder.pk, actor=actor, reason=reason, tenant=holder.tenant)
    return heir


def _store(draft: Callable[[], Saga], table: Definition, actor: str) -> Started | None:
    """Begin it, in one statement if that can be; None if an open saga holds its key."""
    with suppress(TakeTheLock):
        born = conceive(draft(), table, actor)
        if not bear([born])[0]:
            return None
        ring_after_commit(born)
        return Started(saga=born.saga, created=True, snapshot=born.snapshot)
    try:
        with commit():
            return Started(saga=_begin(draft(), table, actor), created=True)
    except IntegrityError:
        return None


def _begin(saga: Saga, table: Definition, actor: str) -> Saga:
    now = clock.now()
    saga.created_at = saga.updated_at = now
    t = Locked(saga, actor, now)
    begin_saga(t, table)
    t.insert()
    ring_after_commit(t)
    return saga
