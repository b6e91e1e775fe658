"""A saga is asked for: `start`, `start_many` for a list of inputs, `start_each` for each on its own terms."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from functools import partial
from typing import Any
from uuid import UUID

from gateway import tracing
from gateway.guard import Forbidden
from sagas.engine.callbacks import guard
from sagas.errors import InvalidInput, SagaError
from sagas.models import Saga
from sagas.operations.beginning import OnDuplicate, Started, Wanted, begin_all, begin_or_meet, begin_together
from sagas.operations.fitting import accepted_by
from sagas.record.birth import MOST
from sagas.record.payload import text
from sagas.record.turn import LONGEST_ACTOR
from sagas.words import registry
from sagas.words.definition import Definition

LONGEST_KEY = 255
MOST_PRIORITY = 100
FIRST_YEAR, LAST_YEAR = 1970, 9000


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
    id: UUID | None = None,  # noqa: A002 - as the column is called
) -> Started:
    """Begin a saga, in one transaction; its first steps are rung for after the commit.

    At most one open saga of a definition holds a business key. When one does, `on_duplicate` says what: "return" it;
    "refuse"; "replace" it: it is cancelled, and the new one begins when it has ended; "queue": the new one begins when
    it has ended. With `start_at`, an aware time, the first steps wait until then.

    `priority` is from -100 to 100: what is above 0 overtakes all that waits for a worker, whatever its definition; what
    is below 0 waits until nothing else does. The children of the saga have it, too.

    `callback_url` is told once when the saga has ended. `id` is for who must know the new saga's id before it begins: a
    fresh `gateway.ids.uuid7()`.

    Raises `DefinitionUnknown`, `InvalidInput`, or `NotAllowed` (code `duplicate`, or why the holder cannot be
    cancelled).
    """
    with tracing.span(f"{definition} start", traceparent, {"saga.definition": definition}) as span:
        wanted = _wanted(
            definition,
            input,
            actor=actor,
            tenant=tenant,
            business_key=business_key,
            on_duplicate=on_duplicate,
            version=version,
            labels=labels,
            priority=priority,
            start_at=start_at,
            traceparent=span.traceparent or traceparent,
            callback_url=callback_url,
            cloned_from=cloned_from,
            id=id,
        )
        started = begin_or_meet(wanted)
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
        found += [Started(saga=saga, created=True) for saga in begin_all(drafts, table, actor)]
    return found


def start_each(asked: Sequence[Mapping[str, Any]], *, actor: str, tenant: str = "default") -> list[Started | SagaError]:
    """Begin each on its own terms, given as keywords of `start`; what is wrong with one is its result, and no other's.

    On PostgreSQL many begin in one statement. Those that meet the holder of their business key, also one that came
    before them in the same list, are begun one by one after it.
    """
    found: dict[int, Started | SagaError] = {}
    ready: list[tuple[int, Wanted]] = []
    for number, one in enumerate(asked):
        try:
            ready.append((number, _wanted(**one, actor=actor, tenant=tenant)))
        except SagaError as error:
            found[number] = error
    for first in range(0, len(ready), MOST):
        some = ready[first : first + MOST]
        for (number, wanted), born in zip(some, begin_together([wanted for _, wanted in some]), strict=True):
            try:
                found[number] = Started(saga=born, created=True) if born is not None else begin_or_meet(wanted)
            except SagaError as error:
                found[number] = error
    return [found[number] for number in range(len(asked))]


def _wanted(
    definition: str,
    input: Any = None,
    *,
    actor: str,
    tenant: str,
    business_key: str | None = None,
    on_duplicate: OnDuplicate = "return",
    version: int | None = None,
    labels: Mapping[str, str] | None = None,
    priority: int = 0,
    start_at: datetime | None = None,
    traceparent: str = "",
    callback_url: str = "",
    cloned_from: UUID | None = None,
    id: UUID | None = None,  # noqa: A002 - as the column is called
) -> Wanted:
    """What was asked for, if it can be. Raises as `start` does."""
    table = registry.get(definition, version)
    accepted = accepted_by(table, input)
    check_callback(callback_url)
    _check_key(business_key)
    _check_priority(priority)
    draft = partial(
        _drafts(table, tenant, actor, labels, priority),
        input=accepted,
        business_key=business_key,
        start_at=a_time(start_at, "/start_at") if start_at is not None else None,
        traceparent=traceparent,
        callback_url=callback_url,
        cloned_from_id=cloned_from,
        **({"id": id} if id is not None else {}),
    )
    return Wanted(draft=draft, table=table, actor=actor[:LONGEST_ACTOR], on_duplicate=on_duplicate)


def _drafts(
    table: Definition, tenant: str, actor: str, labels: Mapping[str, str] | None, priority: int
) -> Callable[..., Saga]:
    """Makes sagas of that table that are not stored yet."""
    which = {"definition": table.name, "version": table.version, "fingerprint": table.fingerprint}
    about = {"tenant": tenant, "started_by": actor[:LONGEST_ACTOR], "labels": dict(labels or {}), "priority": priority}
    return partial(Saga, **which, **about)


def _all_accepted(table: Definition, inputs: Iterable[Any]) -> Iterator[Any]:
    for number, given in enumerate(inputs):
        try:
            yield accepted_by(table, given)
        except InvalidInput as error:
            faults = [{**fault, "pointer": f"/{number}{fault['pointer']}"} for fault in error.errors]
            raise InvalidInput(f"Input {number}: {error}", errors=faults) from None


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
