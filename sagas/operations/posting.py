"""What a person does about events that are parked: have them sent, or done, once more, or drop them.

Out is what sagas tell targets, in is what came from sources. Each act is about some ids, or all of one target or
source, at most `MOST` at a time; it is written down once.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
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
Verb = Literal["replay", "drop"]
MOST = 1000
MOST_NAMED = 12
NOWHERE = ""
"""The target of what no target takes."""
ABOUT = {
    ("replay", "out"): "will be sent once more, those of a saga in their order.",
    ("replay", "in"): "will be done once more, as if they came now: they may begin sagas, and wake others.",
    ("drop", "out"): "will never be sent: whoever waits for them is not told. They cannot be taken back.",
    ("drop", "in"): "will never be done: nothing begins by them, and no saga hears of them. They cannot be taken back.",
}


@dataclass(frozen=True, kw_only=True)
class Foresight:
    """Which parked events are meant, and what would be done to them, a sentence each."""

    events: list[int]
    sentences: tuple[str, ...]


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
        rows = _locked(_parked(direction, tenant, ids, of))
        done = [row for row in rows if (_send_again if direction == "out" else _do_again)(row)]
        if not done:
            raise _no_target()
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
        rows = _locked(_parked(direction, tenant, ids, of))
        kind = type(rows[0])
        kind._default_manager.filter(pk__in=[row.pk for row in rows]).update(state="dropped", ended_at=clock.now())
        _write_down("drop", direction, rows, actor, reason, tenant)
    return len(rows)


def foresee(
    verb: Verb, direction: Direction, *, tenant: str, ids: Sequence[int] | None = None, of: str | None = None
) -> Foresight:
    """What `replay` or `drop` would do to these, as they stand. Raises as they do, but for a reason."""
    rows = list(_parked(direction, tenant, ids, of)[: MOST + 1])
    if not rows:
        raise NotAllowed("None of these is parked any more; look again.", code="not_parked")
    events, is_more = rows[:MOST], len(rows) > MOST
    if (verb, direction) == ("replay", "out") and not any(map(_takers, events)):
        raise _no_target()
    return Foresight(events=[row.pk for row in events], sentences=tuple(_said(verb, direction, events, is_more)))


def _said(verb: Verb, direction: Direction, events: Sequence[Any], is_more: bool) -> Iterator[str]:
    number = len(events)
    yield f"{number} event{'s' if number != 1 else ''} {ABOUT[verb, direction]}"
    out = direction == "out"
    kinds = Counter((event.type or "something", event.target if out else event.source) for event in events)
    for (kind, where), count in kinds.most_common(MOST_NAMED):
        yield f"{count} × {kind} {'for' if out else 'from'} {where or 'no target'}"
    if len(kinds) > MOST_NAMED:
        yield f"and {len(kinds) - MOST_NAMED} kinds more"
    if out and verb == "replay" and (left := sum(not _takers(event) for event in events)):
        one = left == 1
        yield f"{left} of them {'stays' if one else 'stay'} parked: no target takes {'it' if one else 'them'}."
    if is_more:
        yield f"There are more: these are the first {MOST}; ask again for the others."


def _parked(direction: Direction, tenant: str, ids: Sequence[int] | None, of: str | None) -> models.QuerySet[Any]:
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
    rows: models.QuerySet[Any] = found.order_by("id")
    return rows


def _locked(found: models.QuerySet[Any]) -> list[Any]:
    rows = list(found.select_for_update(no_key=True)[:MOST])
    if not rows:
        raise NotAllowed("None of these is parked any more; look again.", code="not_parked")
    return rows


def _no_target() -> NotAllowed:
    return NotAllowed("No target takes them; name their types in a target's events first.", code="no_target")


def _takers(event: OutboxEvent) -> list[str]:
    """Who is sent it, if it is sent once more."""
    if event.target == NOWHERE:
        return takers(event.document["sagadefinition"], event.tenant, event.type)
    return [event.target] if event.target in conf().event_targets else []


def _send_again(event: OutboxEvent) -> bool:
    names = _takers(event)
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
