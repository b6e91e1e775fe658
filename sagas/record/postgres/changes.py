"""Turns of sagas as one guarded statement, one commit.

The statement holds for a saga that still has the `rev` that was read, and changes nothing of one that has not. It locks
a saga before its runs, as everybody does, and reads the clock after that, so that no lease is too short. Of a saga that
matches, every run must match as well, or the whole statement fails (a division by zero): half an effect is none.
"""

import json
from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from operator import attrgetter
from typing import Any
from uuid import UUID

import psycopg
from django.db import DataError, connection, transaction

from sagas.models import OutboxEvent, Run, Saga
from sagas.record import clock
from sagas.record.postgres.connections import execute
from sagas.record.postgres.events import insert_events, new_events
from sagas.record.postgres.rows import (
    CLOCKS,
    Parameters,
    as_json,
    clocks_of,
    filled,
    insert_runs,
    interval,
    new_runs,
    rounded,
    text,
    texts,
    values,
)


@dataclass(frozen=True, kw_only=True, slots=True)
class RunChange:
    """A run as it will be, the fence that it had, and which of its clocks were set by this turn."""

    run: Run
    fence: int
    fresh: frozenset[str]


@dataclass(frozen=True, kw_only=True, slots=True)
class Change:
    """What a turn changes: the saga as it will be but for its `rev`, its runs, new ones, the journal, and events.

    `now` is what the turn took for the time; the clocks that it set are as far from the database's as from that.
    """

    saga: Saga
    now: datetime
    ends: bool
    commits: bool
    runs: Sequence[RunChange]
    opened: Sequence[Run]
    actor: str
    moves: Sequence[dict[str, Any]]
    events: Sequence[OutboxEvent] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Written:
    """When that was, by the database's clock, and the ids of the runs that it opened."""

    now: datetime
    ids: dict[tuple[str, int], int]


class Refused(Exception):
    """The statement does not hold: nothing was changed."""


SAGA = {
    "state": "varchar",
    "going": "varchar",
    "cause": "varchar",
    "position": "jsonb",
    "next_seq": "int",
    "decisions": "int",
}
OF_SAGA = frozenset([*SAGA, "failure", "ended_at", "committed_at"])
"""What of a saga this can change; a turn that changes more takes the lock."""

RUN = {
    "state": "varchar",
    "undo": "varchar",
    "happened": "varchar",
    "prior": "varchar",
    "seq": "int",
    "undo_round": "int",
    "undo_tried": "bool",
    "work": "varchar",
    "doing": "varchar",
    "fence": "int",
    "tries": "int",
    "asks": "int",
    "crashes": "int",
    "worker": "uuid",
    "error": "text",
    "code": "varchar",
}
OF_RUN = frozenset([*RUN, *CLOCKS, "result"])
"""What of a run this can change."""

_of_run = attrgetter(*RUN)
_SAGA_ROW = {"id": "uuid", "rev": "bigint", **SAGA, "failure": "jsonb"}
_SAGA_ROW |= {"ends": "bool", "commits": "bool", "actor": "varchar", "moves": "jsonb"}
_RUN_ROW = {"saga_id": "uuid", "id": "bigint", "was": "int", "result": "jsonb", **RUN}
_RUN_ROW |= {f"{name}_{how}": kind for name in CLOCKS for how, kind in (("on", "timestamptz"), ("by", "interval"))}


def write(changes: Sequence[Change]) -> list[Written | None]:
    """Write those turns, each of another saga, in one statement; None for those whose saga was touched meanwhile.

    Raises `Refused` when a run is not as its saga's `rev` promised: then nothing was written.
    """
    runs = [_run(change, one) for change in changes for one in change.runs]
    opened = [(change.now, run) for change in changes for run in change.opened]
    size = rounded(len(changes))
    parameters: Parameters = [interval(clock.put_forward())]
    parameters += filled(map(_saga, changes), _SAGA_ROW, size)
    parameters += filled(runs, _RUN_ROW, rounded(len(runs)))
    parameters += new_runs(opened)
    events = [event for change in changes for event in change.events]
    parameters += new_events(events)
    statement = _statement(size, rounded(len(runs)), rounded(len(opened)), rounded(len(events)))
    try:
        with transaction.atomic() if connection.in_atomic_block else nullcontext():
            rows = execute(statement, parameters)
    except DataError as error:
        if isinstance(error.__cause__, psycopg.errors.DivisionByZero):
            raise Refused from None
        raise
    found = told(rows)
    return [found.get(change.saga.pk) for change in changes]


def told(rows: Sequence[tuple[Any, ...]]) -> dict[UUID, Written]:
    """What became of each saga, from rows of its id, the time, and the id, path and item of a run that was opened."""
    found: dict[UUID, Written] = {}
    for saga_id, now, run_id, path, item, *_ in rows:
        written = found.setdefault(saga_id, Written(now=now, ids={}))
        if run_id is not None:
            written.ids[path, item] = run_id
    return found


def _saga(change: Change) -> Iterator[str | None]:
    saga = change.saga
    yield from (saga.pk.hex, str(saga.rev), saga.state, saga.going, saga.cause, json.dumps(saga.position))
    yield from (str(saga.next_seq), str(saga.decisions), as_json(saga.failure))
    yield from (text(change.ends), text(change.commits), change.actor, json.dumps(change.moves))


def _run(change: Change, one: RunChange) -> list[str | None]:
    run = one.run
    told = [change.saga.pk.hex, str(run.pk), str(one.fence), as_json(run.result), *texts(_of_run(run))]
    for name, at in zip(CLOCKS, clocks_of(run), strict=True):
        if at is None:
            told += (None, None)
        elif name in one.fresh:
            told += (None, interval(at - change.now))
        else:
            told += (at.isoformat(), None)
    return told


@cache
def _statement(sagas: int, runs: int, opened: int, events: int) -> str:
    """The statement for so many sagas, runs, new runs and events."""
    plain = ", ".join(f"{name} = v.{name}" for name in SAGA)
    parts = [
        "p(ahead) AS MATERIALIZED (SELECT $?::interval)",
        values("v", _SAGA_ROW, sagas),
        f"""s AS (
            UPDATE sagas_saga g SET rev = g.rev + 1, {plain}, failure = coalesce(v.failure, g.failure),
                updated_at = clock_timestamp() + p.ahead,
                ended_at = CASE WHEN v.ends THEN clock_timestamp() + p.ahead ELSE g.ended_at END,
                committed_at = CASE WHEN v.commits THEN clock_timestamp() + p.ahead ELSE g.committed_at END
            FROM v, p WHERE g.id = v.id AND g.rev = v.rev
            RETURNING g.id, g.rev,
                CASE WHEN v.commits THEN g.committed_at WHEN v.ends THEN g.ended_at ELSE g.updated_at END AS now
        )""",  # noqa: S608 - names of our own columns, here and below
    ]
    whole = "1"
    if runs:
        plain = ", ".join(f"{name} = u.{name}" for name in RUN)
        clocks = ", ".join(f"{name} = coalesce(u.{name}_on, s.now + u.{name}_by)" for name in CLOCKS)
        parts += [
            values("u", _RUN_ROW, runs),
            f"""r AS (
                UPDATE sagas_run r SET {plain}, {clocks}, result = coalesce(u.result, r.result)
                FROM s JOIN u ON u.saga_id = s.id WHERE r.id = u.id AND r.fence = u.was RETURNING r.id
            )""",  # noqa: S608
        ]
        wanted = "(SELECT count(*) FROM s JOIN u ON u.saga_id = s.id)"
        whole = f"1 / (CASE WHEN (SELECT count(*) FROM r) = {wanted} THEN 1 ELSE 0 END)"  # noqa: S608
    columns, joined = "NULL::bigint, NULL::varchar, NULL::int", ""
    if opened:
        parts += insert_runs(opened)
        columns, joined = "n.id, n.path, n.item", "LEFT JOIN n ON n.saga_id = s.id"
    if events:
        parts += insert_events(events)
    parts.append("""j AS (
        INSERT INTO sagas_journal (saga_id, rev, actor, moves, at)
        SELECT s.id, s.rev, v.actor, v.moves, s.now FROM s JOIN v ON v.id = s.id
    )""")
    return f"WITH {', '.join(parts)} SELECT s.id, s.now, {columns}, {whole} FROM s {joined}"  # noqa: S608
