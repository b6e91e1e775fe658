"""What a turn tells the world: rows of the outbox, written with everything else that the turn changes.

Where no target is declared, and no step published anything, there is nothing to write and nothing is looked at.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from sagas.conf import conf
from sagas.models import OutboxEvent, Saga
from sagas.words.events import OWN, Fact, lifecycle, wanted

NOBODY = "No target takes this type; name it in a target's events, and replay."


def rows(
    saga: Saga,
    before: Mapping[str, Any],
    moves: Sequence[Mapping[str, Any]],
    published: Sequence[Fact],
    *,
    rev: int,
    now: datetime,
) -> list[OutboxEvent]:
    """The rows for what happened, in order; `rev` is the one that the saga gets with it."""
    targets = conf().event_targets
    if not targets and not published:
        return []
    own = lifecycle(before, saga.__dict__, moves) if targets else ()
    return list(_addressed(saga, [*published, *own], rev, now))


def _addressed(saga: Saga, facts: Sequence[Fact], rev: int, now: datetime) -> Iterator[OutboxEvent]:
    for number, fact in enumerate(facts):
        known = {"saga": saga.pk, "rev": rev, "number": number, "tenant": saga.tenant, "type": fact.type, "at": now}
        names = takers(saga.definition, saga.tenant, fact.type)
        document = _document(saga, fact, rev, number) if names or not fact.type.startswith(OWN) else {}
        for name in names:
            yield OutboxEvent(**known, target=name, document=document)
        if not names and not fact.type.startswith(OWN):
            # Somebody meant this to arrive somewhere, so it is kept for a person.
            yield OutboxEvent(**known, target="", document=document, state=OutboxEvent.State.PARKED, error=NOBODY)


def takers(definition: str, tenant: str, type: str) -> list[str]:  # noqa: A002 - CloudEvents' word
    """The targets that take events of that type from that definition's sagas."""
    return [
        name
        for name, target in conf().event_targets.items()
        if wanted(target.get("events", ("*",)), type)
        and ("definitions" not in target or definition in target["definitions"])
        and ("tenants" not in target or tenant in target["tenants"])
    ]


def _document(saga: Saga, fact: Fact, rev: int, number: int) -> dict[str, Any]:
    """The CloudEvent but for its time."""
    about = {"saga": str(saga.pk), "definition": saga.definition, "business_key": saga.business_key}
    return {
        "specversion": "1.0",
        "id": f"{saga.pk}.{rev}.{number}",
        "source": conf().event_source,
        "type": fact.type,
        "subject": fact.subject or str(saga.pk),
        "datacontenttype": "application/json",
        "sagaid": str(saga.pk),
        "sagadefinition": saga.definition,
        "sequence": f"{rev:012}.{number:03}",
        "partitionkey": str(saga.pk),
        **({"businesskey": saga.business_key} if saga.business_key else {}),
        **({"traceparent": saga.traceparent} if saga.traceparent else {}),
        "data": about | fact.data if fact.type.startswith(OWN) else fact.data,
    }
