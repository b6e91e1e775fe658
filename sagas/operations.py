"""The verbs. REST, the admin and the command line only call these; each takes an actor, and all but `start` a reason.

    start    a saga begins
    cancel   it goes back and ends `cancelled`
    retry    a step that needs a person, or waits for its next try, is tried now

A verb that does not fit raises `NotAllowed` with the list of those that do.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Literal
from uuid import UUID

from django.db import IntegrityError, transaction
from pydantic import ValidationError

from sagas import clock, registry
from sagas.definition import Definition
from sagas.dispatch import ring_after_commit
from sagas.errors import InvalidInput, NotAllowed, NotFound
from sagas.lifecycle import SagaState, StepState
from sagas.models import Audit, Cause, Incident, Run, Saga
from sagas.outcome import Happened
from sagas.payload import Unstorable, pack, text
from sagas.plan import Do, Event, Undo, begin, forward
from sagas.turn import Turn, turn
from sagas.verdict import Doing
from sagas.way_back import demand, end, turn_back

OnDuplicate = Literal["return", "refuse"]
LONGEST_KEY = 255
KEY_RACES = 3


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
    traceparent: str = "",
) -> Started:
    """Begin a saga, in one transaction; its first steps are rung for after the commit.

    Raises `DefinitionUnknown`, `InvalidInput`, or `NotAllowed` (code `duplicate`) when an open saga holds the
    business key and `on_duplicate` is "refuse".
    """
    table = registry.get(definition, version)
    accepted = _accepted(table, input)
    _check_key(business_key)
    for _ in range(KEY_RACES):
        try:
            with transaction.atomic():
                saga = Saga(
                    tenant=tenant,
                    definition=table.name,
                    version=table.version,
                    fingerprint=table.fingerprint,
                    business_key=business_key,
                    input=accepted,
                    labels=dict(labels or {}),
                    priority=priority,
                    traceparent=traceparent,
                    started_by=actor,
                )
                _begin(saga, table, actor)
            return Started(saga=saga, created=True)
        except IntegrityError:
            holder = Saga.objects.live().filter(tenant=tenant, definition=definition, business_key=business_key).first()
        if holder is not None and on_duplicate == "return":
            return Started(saga=holder, created=False)
        if holder is not None:
            sentence = f"Saga {holder.pk} is open and holds the business key {business_key!r}."
            raise NotAllowed(sentence, code="duplicate", allowed=allowed(holder))
    raise NotAllowed(f"The business key {business_key!r} changes hands too fast; try again.", code="duplicate")


def cancel(saga_id: UUID, *, actor: str, reason: str, tenant: str = "default") -> Saga:
    """Turn the saga back; it ends `cancelled`. One that already goes back is left as it is.

    Raises `NotFound`, or `NotAllowed` (code `ended`) with how it ended.
    """
    with _verb(saga_id, "cancel", actor=actor, reason=reason, tenant=tenant) as t:
        if t.saga.ended_at:
            raise NotAllowed(f"The saga has ended: it is {t.saga.state}.", code="ended", allowed=allowed(t.saga))
        if t.saga.is_going_back:
            return t.saga
        if t.saga.state == SagaState.PENDING:
            _never_begin(t)
        else:
            turn_back(t, Cause.CANCELLED, {"code": "cancelled", "error": text(reason), "by": actor})
    return t.saga


def retry(saga_id: UUID, *, actor: str, reason: str, step: str | None = None, tenant: str = "default") -> Saga:
    """Try now what needs a person, or what waits for its next try; only that `step` if one is named.

    The step gets a fresh budget. It keeps its idempotency key while its effect is in doubt; one that is known not to
    have happened gets a new key, since participants remember what they refused. Raises `NotFound` or `NotAllowed`
    (codes `ended`, `nothing_to_retry`).
    """
    with _verb(saga_id, "retry", actor=actor, reason=reason, tenant=tenant, path=step or "") as t:
        if t.saga.ended_at:
            raise NotAllowed(f"The saga has ended: it is {t.saga.state}.", code="ended", allowed=[])
        named = {"path": step} if step else {}
        runs = t.runs(pk__in=Run.objects.filter(saga_id=saga_id, **named).retriable(t.now).values("pk"))
        held = [run for run in runs if not run.work]
        if not runs:
            what = f"Step {step!r}" if step else "The saga"
            sentence = f"{what} has nothing to retry: no step is held, stuck or waiting for its next try."
            raise NotAllowed(sentence, code="nothing_to_retry", allowed=allowed(t.saga))
        for run in held or runs:
            _try_now(t, run)
    return t.saga


def allowed(saga: Saga) -> list[str]:
    """The verbs that fit the saga as it stands."""
    if saga.ended_at:
        return []
    verbs = [] if saga.is_going_back else ["cancel"]
    retriable = Run.objects.filter(saga_id=saga.pk).retriable(clock.now())
    return [*verbs, "retry"] if retriable.exists() else verbs


def _begin(saga: Saga, table: Definition, actor: str) -> None:
    now = clock.now()
    saga.created_at = saga.updated_at = now
    saga.deadline_at = now + table.deadline if table.deadline else None
    t = Turn(saga, actor, now)
    t.position, move = begin(table)
    t.become(SagaState.RUNNING)
    for path in move.steps if isinstance(move, Do) else ():
        t.open(path)
    t.insert()
    ring_after_commit(t.bells)


@contextmanager
def _verb(saga_id: UUID, verb: str, *, actor: str, reason: str, tenant: str, path: str = "") -> Iterator[Turn]:
    """A turn for a person or a service: their own saga, with a reason, and an audit entry if anything moved."""
    why = text(reason).strip()
    if not why:
        raise InvalidInput(f"Say why: {verb} needs a reason.", errors=[{"pointer": "/reason", "detail": "is missing"}])
    try:
        with turn(saga_id, actor) as t:
            if t.saga.tenant != tenant:
                raise Saga.DoesNotExist
            yield t
            if t.moves:
                t.flush()
                t.saga.decisions += 1
                Audit.objects.create(
                    saga=t.saga, tenant=tenant, verb=verb, path=path, actor=actor, reason=why, at=t.now
                )
                ring_after_commit(t.bells)
    except Saga.DoesNotExist:
        raise NotFound(f"There is no saga {saga_id}.") from None


def _never_begin(t: Turn) -> None:
    for run in t.runs(work__isnull=False):
        t.rest(run)
        t.move(run, "called off", step=StepState.CANCELLED)
    t.saga.cause = Cause.CANCELLED
    end(t, SagaState.CANCELLED)


def _try_now(t: Turn, run: Run) -> None:
    Incident.objects.open().filter(saga_id=t.saga.pk, path=run.path, item=run.item).update(retried_at=t.now)
    if run.undo == Undo.STUCK:
        demand(t, run, once_more=run.undo_again)
        return
    was_held = run.work is None
    run.tries = run.asks = run.crashes = 0
    run.since = None
    if (was_held or run.doing == Doing.ACTION) and run.happened == Happened.NO and not t.saga.is_going_back:
        run.generation += 1
    if t.saga.is_going_back:
        t.due(run, Doing.COMPENSATION)
        t.move(run, "retried")
        return
    t.due(run, Doing.ACTION if was_held else Doing(run.doing))
    state = StepState.DUE if run.doing == Doing.ACTION else None
    t.move(run, "retried", step=state, about={"generation": run.generation})
    if was_held:
        t.position, _ = forward(t.definition, t.position, run.path, Event.FREED)
        t.become(SagaState.RUNNING)


def _check_key(business_key: str | None) -> None:
    if business_key is not None and (
        not 0 < len(business_key) <= LONGEST_KEY or text(business_key, LONGEST_KEY) != business_key
    ):
        fault = f"must have 1 to {LONGEST_KEY} characters, without U+0000 and halves of surrogate pairs"
        raise InvalidInput(f"The business key {fault}.", errors=[{"pointer": "/business_key", "detail": fault}])


def _accepted(table: Definition, given: Any) -> Any:
    """The input as it is stored: what the definition's model makes of it."""
    try:
        return pack(table.input.model_validate(given).model_dump(mode="json") if table.input else given)
    except ValidationError as error:
        faults = [
            {"pointer": "/" + "/".join(map(str, fault["loc"])), "detail": fault["msg"]}
            for fault in error.errors(include_url=False, include_context=False, include_input=False)
        ]
        raise InvalidInput(f"The input does not fit saga {table.name!r}.", errors=faults) from None
    except Unstorable as error:
        faults = [{"pointer": "", "detail": str(error)}]
        raise InvalidInput(f"The input cannot be stored: {error}", errors=faults) from None
