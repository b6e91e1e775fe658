"""A saga begins: `start` and `clone`."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import Any, Literal
from uuid import UUID

from django.db import IntegrityError

from gateway import tracing
from gateway.guard import Forbidden
from sagas.engine.callbacks import guard
from sagas.engine.dispatch import ring_after_commit, ring_many_after_commit
from sagas.errors import InvalidInput, NotAllowed, NotFound
from sagas.models import Audit, Saga
from sagas.operations.allowing import allowed, effects_in_place
from sagas.operations.difference import difference
from sagas.operations.fitting import accepted_by
from sagas.operations.turning import cancel
from sagas.record import clock
from sagas.record.birth import MOST, bear, conceive
from sagas.record.commit import commit
from sagas.record.guess import TakeTheLock
from sagas.record.locked import Locked, turn
from sagas.record.opening import begin_saga
from sagas.record.payload import text, unpack
from sagas.record.sealing import restored
from sagas.record.turn import LONGEST_ACTOR
from sagas.words import registry
from sagas.words.definition import Definition
from sagas.words.results import UNCHANGED

OnDuplicate = Literal["return", "refuse", "replace", "queue"]
LONGEST_KEY = 255
MOST_PRIORITY = 100
KEY_RACES = 5
FIRST_YEAR, LAST_YEAR = 1970, 9000


@dataclass(frozen=True, kw_only=True)
class Started:
    """A saga, and whether it is new: `created` is False when an open one with the same business key was returned."""

    saga: Saga
    created: bool


def start(
    definition: str,
    input: Any = None,
    *,
    actor: str,
    tenant: str = "default",
    business_key: str | None = None,
    on_duplicate: OnDuplicate = "return",
    version: int | None = None,
    labels: Mapping[str, str] | None = None,
    priority: int = 0,
    start_at: datetime | None = None,
    traceparent: str = "",
    callback_url: str = "",
    cloned_from: UUID | None = None,
) -> Started:
    """Begin a saga, in one transaction; its first steps are rung for after the commit.

    At most one open saga of a definition holds a business key. When one does, `on_duplicate` says what: "return" it;
    "refuse"; "replace" it: it is cancelled, and the new one begins when it has ended; "queue": the new one begins when
    it has ended. With `start_at`, an aware time, the first steps wait until then.

    `priority` is from -100 to 100: what is above 0 overtakes all that waits for a worker, whatever its definition; what
    is below 0 waits until nothing else does. The children of the saga have it, too.

    `callback_url` is told once when the saga has ended.

    Raises `DefinitionUnknown`, `InvalidInput`, or `NotAllowed` (code `duplicate`, or why the holder cannot be
    cancelled).
    """
    table = registry.get(definition, version)
    accepted = accepted_by(table, input)
    check_callback(callback_url)
    _check_key(business_key)
    _check_priority(priority)
    start_at = a_time(start_at, "/start_at") if start_at is not None else None

    draft = _drafts(table, tenant, actor, labels, priority)
    draft = partial(draft, input=accepted, business_key=business_key, start_at=start_at)
    with tracing.span(f"{table.name} start", traceparent, {"saga.definition": table.name}) as span:
        trace = span.traceparent or traceparent
        draft = partial(draft, traceparent=trace, callback_url=callback_url, cloned_from_id=cloned_from)
        started = _store_or_meet(draft, table, on_duplicate)
        tracing.note({"saga.id": str(started.saga.pk)})
        return started


def start_many(
    definition: str,
    inputs: Iterable[Any],
    *,
    actor: str,
    tenant: str = "default",
    version: int | None = None,
    labels: Mapping[str, str] | None = None,
    priority: int = 0,
) -> list[Started]:
    """Begin a saga for each input, in their order; all that is invalid is found before the first begins.

    On PostgreSQL many begin in one statement, and each statement commits on its own unless the caller has a transaction
    open: what raised from the database may have begun some of them. Raises like `start`; the pointers of `InvalidInput`
    begin with the number of the input.
    """
    table = registry.get(definition, version)
    _check_priority(priority)
    accepted = list(_all_accepted(table, inputs))

    draft = _drafts(table, tenant, actor, labels, priority)
    found: list[Started] = []
    for first in range(0, len(accepted), MOST):
        drafts = [partial(draft, input=given) for given in accepted[first : first + MOST]]
        found += [Started(saga=saga, created=True) for saga in _store_all(drafts, table, actor)]
    return found


def _drafts(
    table: Definition, tenant: str, actor: str, labels: Mapping[str, str] | None, priority: int
) -> Callable[..., Saga]:
    """Makes sagas of that table that are not stored yet."""
    which = {"definition": table.name, "version": table.version, "fingerprint": table.fingerprint}
    about = {"tenant": tenant, "started_by": actor[:LONGEST_ACTOR], "labels": dict(labels or {}), "priority": priority}
    return partial(Saga, **which, **about)


def _store_or_meet(draft: Callable[..., Saga], table: Definition, on_duplicate: OnDuplicate) -> Started:
    """Begin it, or do what `on_duplicate` says about the saga that holds its key."""
    wanted = draft()
    actor, key = wanted.started_by, wanted.business_key
    for _ in range(KEY_RACES):
        born = _store(draft, table, actor)
        if born is not None:
            return Started(saga=born, created=True)
        same = Saga.objects.live().filter(tenant=wanted.tenant, definition=table.name, business_key=key)
        holder = same.filter(holds_key=True).first()
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


def _all_accepted(table: Definition, inputs: Iterable[Any]) -> Iterator[Any]:
    for number, given in enumerate(inputs):
        try:
            yield accepted_by(table, given)
        except InvalidInput as error:
            faults = [{**fault, "pointer": f"/{number}{fault['pointer']}"} for fault in error.errors]
            raise InvalidInput(f"Input {number}: {error}", errors=faults) from None


def _store_all(drafts: Sequence[Callable[[], Saga]], table: Definition, actor: str) -> list[Saga]:
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


def clone(
    saga_id: UUID,
    *,
    actor: str,
    reason: str,
    tenant: str = "default",
    expect: int | None = None,
    input: Any = UNCHANGED,
    confirm_effects: bool = False,
    business_key: str | None = None,
) -> Started:
    """A new saga like one that has ended, with the same input or an edited one, on the newest version.

    Raises `NotFound`, `InvalidInput`, or `NotAllowed` with the codes `live` and `effects_in_place`: effects of the
    original are still there, and `confirm_effects` says that this is known.
    """
    original = Saga.objects.of_tenant(tenant).filter(pk=saga_id).first()
    if original is None:
        raise NotFound(f"There is no saga {saga_id}.")
    if not text(reason).strip():
        raise InvalidInput("Say why: clone needs a reason.", errors=[{"pointer": "/reason", "detail": "is missing"}])
    if not original.ended_at:
        raise NotAllowed(
            "The saga has not ended; only one that has can be cloned.", code="live", allowed=allowed(original)
        )
    if expect is not None and expect != original.decisions:
        raise NotAllowed("Something was decided about this saga since you looked at it; look again.", code="stale_page")
    left = [run.path for run in effects_in_place(original)]
    if left and not confirm_effects:
        sentence = (
            f"Effects of saga {saga_id} are still in place: {', '.join(left)}. Confirm that they may be there twice."
        )
        raise NotAllowed(sentence, code="effects_in_place", allowed=allowed(original))
    with commit():
        started = start(
            original.definition,
            unpack(original.input) if input is UNCHANGED else restored(input, original.input),
            actor=actor,
            tenant=tenant,
            business_key=business_key,
            on_duplicate="refuse",
            labels=original.labels,
            priority=original.priority,
            cloned_from=original.pk,
        )
        edited = {} if input is UNCHANGED else {"diff": difference(original.input, started.saga.input)}
        Audit.objects.create(
            saga=original,
            tenant=tenant,
            verb="clone",
            actor=actor[:150],
            reason=text(reason),
            at=clock.now(),
            details={"clone": str(started.saga.pk), **edited},
        )
    return started


def _store(draft: Callable[[], Saga], table: Definition, actor: str) -> Saga | None:
    """Begin it, in one statement if that can be; None if an open saga holds its key."""
    with suppress(TakeTheLock):
        born = conceive(draft(), table, actor)
        if not bear([born])[0]:
            return None
        ring_after_commit(born)
        return born.saga
    try:
        with commit():
            return _begin(draft(), table, actor)
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


def a_time(given: datetime, pointer: str) -> datetime:
    """A time that a person gave, in UTC. Raises `InvalidInput` without a time zone, or beyond what can be stored."""
    fault = "needs a time zone, such as +00:00"
    if given.tzinfo is not None:
        fault = f"must lie in the years {FIRST_YEAR} to {LAST_YEAR}"
        if FIRST_YEAR <= given.year <= LAST_YEAR:
            return given.astimezone(UTC)
    raise InvalidInput(f"The time {fault}.", errors=[{"pointer": pointer, "detail": fault}])


def check_callback(url: str) -> None:
    """Raise `InvalidInput` for an address that may not be called; an empty one is none."""
    try:
        if url:
            guard().check(url)
    except Forbidden as error:
        faults = [{"pointer": "/callback_url", "detail": str(error)}]
        raise InvalidInput(f"The callback address cannot be called. {error}", errors=faults) from None


def _check_key(business_key: str | None) -> None:
    if business_key is not None and (
        not 0 < len(business_key) <= LONGEST_KEY or text(business_key, LONGEST_KEY) != business_key
    ):
        fault = f"must have 1 to {LONGEST_KEY} characters, without U+0000 and halves of surrogate pairs"
        raise InvalidInput(f"The business key {fault}.", errors=[{"pointer": "/business_key", "detail": fault}])


def _check_priority(priority: int) -> None:
    if type(priority) is not int or abs(priority) > MOST_PRIORITY:
        fault = f"must be a whole number from -{MOST_PRIORITY} to {MOST_PRIORITY}; 0 is normal, and more is earlier"
        raise InvalidInput(f"The priority {fault}.", errors=[{"pointer": "/priority", "detail": fault}])
