"""What a person does about events that are parked: have them sent, or done, once more, or drop them.

Out is what sagas tell targets, in is what came from sources. Each act is about some ids, or all of one target or
source, at most `MOST` at a time; it is written down once.
"""

from collections.abc import Sequence
from typing import Any, Literal

from django.db import models, transaction

from sagas.conf import conf
from sagas.errors import InvalidInput, NotAllowed
from sagas.events import inbox
from sagas.models import InboxEvent, OutboxEvent
from sagas.operations.audit import the_reason, write_down
from sagas.record import clock
from sagas.record.outbox import takers

Direction = Literal["out", "in"]
MOST = 1000
NOWHERE = ""
"""The target of what no target takes."""


def replay(
    direction: Direction,
    *,
    actor: str,
    reason: str,
    tenant: str,
    ids: Sequence[int] | None = None,
    of: str | None = None,
) -> int:
    """Send, or do, them once more; how many that were. Those of a saga keep their order.

    Raises `InvalidInput` without a reason, and `NotAllowed` (code `not_parked`) when none of them is parked, or
    (`no_target`) when no target takes them.
    """
    with transaction.atomic():
        rows = _parked(direction, tenant, ids, of)
        done = [row for row in rows if (_send_again if direction == "out" else _do_again)(row)]
        if not done:
            raise NotAllowed("No target takes them; name their types in a target's events first.", code="no_target")
        _write_down("replay", direction, done, actor, reason, tenant)
    return len(done)


def drop(
    direction: Direction,
    *,
    actor: str,
    reason: str,
    tenant: str,
    ids: Sequence[int] | None = None,
    of: str | None = None,
) -> int:
    """They need not be sent, or done, any more; how many that were. Raises as `replay` does."""
    with transaction.atomic():
        rows = _parked(direction, tenant, ids, of)
        kind = type(rows[0])
        kind._default_manager.filter(pk__in=[row.pk for row in rows]).update(state="dropped", ended_at=clock.now())
        _write_down("drop", direction, rows, actor, reason, tenant)
    return len(rows)


def _parked(direction: Direction, tenant: str, ids: Sequence[int] | None, of: str | None) -> list[Any]:
    kind: Any = OutboxEvent if direction == "out" else InboxEvent
    found = kind.objects.parked().filter(tenant=tenant)
    if ids is not None:
        found = found.filter(pk__in=list(ids)[:MOST])
    elif of is not None:
        found = found.filter(**{"target" if direction == "out" else "source": of})
    else:
        raise InvalidInput(
            "Say which: ids, or all of a target or source.", errors=[{"pointer": "/ids", "detail": "is missing"}]
        )
    rows = list(found.order_by("id").select_for_update(no_key=True)[:MOST])
    if not rows:
        raise NotAllowed("None of these is parked any more; look again.", code="not_parked")
    return rows


def _send_again(event: OutboxEvent) -> bool:
    names = [event.target] if event.target in conf().event_targets else []
    if event.target == NOWHERE:
        names = takers(event.document["sagadefinition"], event.tenant, event.type)
    if not names:
        return False
    fresh: dict[str, Any] = {"state": OutboxEvent.State.WAITING, "tries": 0, "error": "", "due_at": None}
    OutboxEvent.objects.filter(pk=event.pk).update(**fresh, target=names[0])
    known = {name: getattr(event, name) for name in ("saga", "rev", "number", "tenant", "type", "document", "at")}
    OutboxEvent.objects.bulk_create(OutboxEvent(**known, target=name) for name in names[1:])
    return True


def _do_again(event: InboxEvent) -> bool:
    event.until, event.tries = None, 0
    inbox.try_again(event)
    return True


def _write_down(
    verb: str, direction: Direction, rows: Sequence[models.Model], actor: str, reason: str, tenant: str
) -> None:
    where = sorted({getattr(row, "target" if direction == "out" else "source") for row in rows})
    details = {"events": [row.pk for row in rows][:100], "number": len(rows)}
    about: dict[str, Any] = {"path": ", ".join(where)[:80], "details": details}
    write_down(f"{verb} events {direction}", actor=actor, why=the_reason(reason, verb), tenant=tenant, **about)
