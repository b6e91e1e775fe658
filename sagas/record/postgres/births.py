"""New sagas with their first runs, many in one statement."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any

from sagas.models import OutboxEvent, Run, Saga
from sagas.record import clock
from sagas.record.postgres.changes import Written, told
from sagas.record.postgres.connections import execute
from sagas.record.postgres.events import insert_events, new_events
from sagas.record.postgres.rows import (
    Parameters,
    as_json,
    filled,
    insert_runs,
    interval,
    new_runs,
    rounded,
    text,
    values,
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Birth:
    """A new saga, its first runs, the journal, and events; `now` is what was taken for the time, see `Change`."""

    saga: Saga
    now: datetime
    opened: Sequence[Run]
    actor: str
    moves: Sequence[dict[str, Any]]
    events: Sequence[OutboxEvent] = ()


NEW_SAGA = {
    "id": "uuid",
    "tenant": "varchar",
    "definition": "varchar",
    "version": "int",
    "fingerprint": "varchar",
    "business_key": "varchar",
    "labels": "jsonb",
    "priority": "int",
    "traceparent": "varchar",
    "state": "varchar",
    "position": "jsonb",
    "next_seq": "int",
    "input": "jsonb",
    "cloned_from_id": "uuid",
    "started_by": "varchar",
}
_JSON = {"labels", "position", "input"}
_ROW = {**NEW_SAGA, "deadline_by": "interval", "actor": "varchar", "moves": "jsonb"}
_SET = {*NEW_SAGA, "rev", "created_at", "updated_at", "deadline_at"}
_PRISTINE = {field.attname: field.get_default() for field in Saga._meta.concrete_fields if field.attname not in _SET}
_CONSTANT = {
    "holds_key": "true",
    "going": "'forward'",
    "decisions": "0",
    "open_incidents": "0",
    "input_rev": "1",
    "depth": "0",
    "clock_offset": "'0'::interval",
    **dict.fromkeys(("cause", "paused_by", "paused_why", "wanted_back"), "''"),
}


def is_plain(saga: Saga) -> bool:
    """Has a new saga nothing but what is written of new sagas?"""
    return all(getattr(saga, name) == value for name, value in _PRISTINE.items())


def begin(births: Sequence[Birth]) -> list[Written | None]:
    """Write those sagas in one statement; None for those whose business key is held by an open one."""
    opened = [(birth.now, run) for birth in births for run in birth.opened]
    parameters: Parameters = [interval(clock.put_forward())]
    parameters += filled(map(_saga, births), _ROW, rounded(len(births)))
    parameters += new_runs(opened)
    events = [event for birth in births for event in birth.events]
    parameters += new_events(events)
    statement = _statement(rounded(len(births)), rounded(len(opened)), rounded(len(events)))
    found = told(execute(statement, parameters))
    return [found.get(birth.saga.pk) for birth in births]


def _saga(birth: Birth) -> Iterator[str | None]:
    saga = birth.saga
    for name in NEW_SAGA:
        value = getattr(saga, name)
        yield as_json(value) if name in _JSON else text(value)
    yield interval(saga.deadline_at - birth.now) if saga.deadline_at is not None else None
    yield birth.actor
    yield json.dumps(birth.moves)


@cache
def _statement(sagas: int, opened: int, events: int) -> str:
    given = ", ".join(f"v.{name}" for name in NEW_SAGA)
    parts = [
        "p(ahead) AS MATERIALIZED (SELECT $?::interval)",
        values("v", _ROW, sagas),
        "c(now) AS MATERIALIZED (SELECT clock_timestamp() + p.ahead FROM p)",
        f"""s AS (
            INSERT INTO sagas_saga ({", ".join([*NEW_SAGA, *_CONSTANT])}, rev, created_at, updated_at, deadline_at)
            SELECT {given}, {", ".join(_CONSTANT.values())}, 1, c.now, c.now, c.now + v.deadline_by
            FROM v, c WHERE v.id IS NOT NULL ON CONFLICT DO NOTHING RETURNING id, created_at AS now
        )""",  # noqa: S608 - names of our own columns, here and below
        *insert_runs(opened),
        *(insert_events(events) if events else ()),
        """j AS (
            INSERT INTO sagas_journal (saga_id, rev, actor, moves, at)
            SELECT s.id, 1, v.actor, v.moves, s.now FROM s JOIN v ON v.id = s.id
        )""",
    ]
    return f"WITH {', '.join(parts)} SELECT s.id, s.now, n.id, n.path, n.item FROM s LEFT JOIN n ON n.saga_id = s.id"  # noqa: S608
