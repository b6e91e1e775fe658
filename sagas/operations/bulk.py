"""One verb for many sagas: `begin_bulk`, `foresee_bulk`, and what can be done about one that runs.

The operation and its sagas are stored first, and then worked off at a rate by `working.run_bulk`, beside everything
else. What is said of each saga is what became of it, not that somebody was asked.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.db import transaction

from gateway.ids import uuid7
from sagas.errors import InvalidInput, NotAllowed, NotFound
from sagas.models import BulkItem, BulkOperation, Incident, Run, Saga
from sagas.models.saga import SagaQuerySet
from sagas.operations.allowing import allowed_of_each
from sagas.operations.audit import signed, the_reason
from sagas.operations.second import must_be_approved
from sagas.record import clock
from sagas.record.sealing import sealed
from sagas.words import registry
from sagas.words.definition import has_secrets
from sagas.words.rows import Step

VERBS = ("retry", "cancel", "compensate", "pause", "resume", "skip", "waive", "give_up", "tell_again")
MOST = 10_000
MOST_FORESEEN = 200
BATCH = 1_000


@dataclass(frozen=True, kw_only=True)
class Foresight:
    """What a bulk operation would do: how many sagas it means, and of the first of them how many would be refused."""

    verb: str
    total: int
    looked_at: int
    eligible: int
    not_eligible: Mapping[str, int]
    groups: Mapping[str, int]
    not_idempotent: Mapping[str, int]


def foresee_bulk(verb: str, sagas: SagaQuerySet) -> Foresight:
    """Look at what would be done, without doing it. Raises `InvalidInput` for more than 10,000 sagas."""
    total = _counted(sagas)
    first = list(sagas.order_by("id")[:MOST_FORESEEN])
    verbs = allowed_of_each(first)
    fits = {saga.pk: saga for saga in first if verb in verbs[saga.pk]}
    refused = Counter(saga.state for saga in first if saga.pk not in fits)
    causes = Incident.objects.open().filter(saga_id__in=fits).order_by()
    groups = Counter(" ".join(filter(None, cause)) for cause in causes.values_list("definition", "path", "reason_code"))
    return Foresight(
        verb=verb,
        total=total,
        looked_at=len(first),
        eligible=len(fits),
        not_eligible=refused,
        groups=groups,
        not_idempotent=_not_idempotent(fits) if verb == "retry" else Counter(),
    )


def begin_bulk(
    verb: str,
    sagas: SagaQuerySet,
    *,
    actor: str,
    reason: str,
    tenant: str,
    rate: int,
    selection: Mapping[str, Any],
    arguments: Mapping[str, Any] | None = None,
    once: UUID | None = None,
) -> BulkOperation:
    """Store the operation and its sagas, as they are chosen now; it begins within seconds.

    Asked for `once` more under one id, as by a button that is pressed twice, it is begun once.

    `rate` is sagas a minute, `selection` what was asked for, as it is shown. Raises `InvalidInput` without a reason, or
    for more than 10,000 sagas, and `NotAllowed` (code `needs_second_person`).
    """
    why = the_reason(reason, "a bulk operation")
    must_be_approved(verb, _counted(sagas))
    now = clock.now()
    about = {"arguments": _kept(arguments or {}), "selection": dict(selection), "reason": why, "rate": rate}
    about |= {"created_at": now, "at": now}
    mine = {"tenant": tenant, "actor": signed(actor), "verb": verb}
    with transaction.atomic():
        operation, is_new = BulkOperation.objects.get_or_create(id=once or uuid7(), defaults=mine | about)
        if not is_new:
            return _same(operation, mine)
        ids = list(chosen(sagas).values_list("pk", flat=True))
        items = [BulkItem(operation=operation, saga_id=pk) for pk in ids]
        BulkItem.objects.bulk_create(items, batch_size=BATCH)
        if not ids:
            operation.state, operation.ended_at = BulkOperation.State.DONE, now
            operation.save(update_fields=["state", "ended_at"])
    return operation


def chosen(sagas: SagaQuerySet) -> SagaQuerySet:
    """The sagas that are meant, in the order in which they have their turn. Raises `InvalidInput` for too many."""
    _counted(sagas)
    return sagas.order_by("id")[:MOST]


def steer_bulk(operation_id: UUID, how: str, *, tenant: str) -> BulkOperation:
    """Pause a bulk operation, let it go on, or cancel what is left of it.

    Raises `NotFound`, or `NotAllowed` (code `not_allowed`) when it is not in a state for that.
    """
    states = BulkOperation.State
    before, after = {
        "pause": ([states.RUNNING], states.PAUSED),
        "resume": ([states.PAUSED], states.RUNNING),
        "cancel": ([states.RUNNING, states.PAUSED], states.CANCELLED),
    }[how]
    now = clock.now()
    with transaction.atomic():
        operation = BulkOperation.objects.select_for_update().filter(pk=operation_id, tenant=tenant).first()
        if operation is None:
            raise NotFound(f"There is no operation {operation_id}.")
        if operation.state not in before:
            can = {states.RUNNING: ["pause", "cancel"], states.PAUSED: ["resume", "cancel"]}
            raise NotAllowed(f"The operation is {operation.state}.", allowed=can.get(states(operation.state), []))
        operation.state = after
        operation.at = max(now, operation.at) if after == states.RUNNING else operation.at
        if after == states.CANCELLED:
            operation.ended_at = now
            left = BulkItem.objects.filter(operation=operation, state=BulkItem.State.WAITING)
            left.update(state=BulkItem.State.CANCELLED, ended_at=now)
        operation.save(update_fields=["state", "at", "ended_at"])
    return operation


def tally(operation: BulkOperation) -> dict[str, int]:
    """How many of its sagas are in which state."""
    counted = Counter(BulkItem.objects.filter(operation=operation).values_list("state", flat=True))
    return {state: counted[state] for state in BulkItem.State.values}


def pace(operation: BulkOperation) -> timedelta:
    """How long one saga of it takes at its rate."""
    return timedelta(minutes=1) / operation.rate


def _same(operation: BulkOperation, mine: Mapping[str, Any]) -> BulkOperation:
    if any(getattr(operation, name) != value for name, value in mine.items()):
        raise NotAllowed("Another operation has that id.", code="id_taken")
    return operation


def _kept(arguments: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments as they are stored, with a result sealed that may hold something sensitive."""
    step, result = arguments.get("step") or "", arguments.get("result")
    rows = [table.places[step].row for table in registry.everything() if step in table.places]
    return dict(arguments) | ({"result": sealed(result)} if result is not None and any(map(has_secrets, rows)) else {})


def _counted(sagas: SagaQuerySet) -> int:
    total = sagas.order_by()[: MOST + 1].count()
    if total > MOST:
        fault = f"means more than {MOST} sagas; narrow it down"
        raise InvalidInput(f"The selection {fault}.", errors=[{"pointer": "/filter", "detail": fault}])
    return total


def _not_idempotent(sagas: Mapping[UUID, Saga]) -> Counter[str]:
    """The steps that need a person and are not idempotent, and in how many of the sagas."""
    found: Counter[str] = Counter()
    held = Run.objects.filter(saga_id__in=sagas, held=True).order_by().values_list("saga_id", "path")
    for pk, path in held.distinct():
        saga = sagas[pk]
        table = registry.find(saga.definition, saga.version, saga.fingerprint)
        row = table.places[path].row if table and path in table.places else None
        if isinstance(row, Step) and not row.idempotent:
            found[f"{saga.definition} {row.name}"] += 1
    return found
