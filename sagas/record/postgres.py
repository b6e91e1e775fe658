"""The record on PostgreSQL: a whole turn of a saga as one guarded statement, one commit.

An optimisation of what `turn` does under the saga's lock, and of nothing else: it decides nothing. The statement holds
if the saga still has the `rev` that was read, and changes nothing if it has not. It locks the saga before its runs, as
everybody does, and reads the clock after that, so that no lease is too short. Of a saga that matches, every run must
match as well, or the whole statement fails (a division by zero): half an effect is none.

Parameters are bound by the server and all are text, so that a statement of one shape is prepared once per connection.
"""

import json
import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from itertools import count
from typing import Any, TypeVar, cast
from uuid import UUID

import psycopg
from django.db import DataError, connection, models, transaction
from django.db.backends.postgresql.base import DatabaseWrapper

from sagas.models import Run, Saga
from sagas.record import clock

Row = TypeVar("Row", Saga, Run)


@dataclass(frozen=True, kw_only=True, slots=True)
class RunChange:
    """A run as it will be, the fence that it had, and which of its clocks were set by this turn."""

    run: Run
    fence: int
    fresh: frozenset[str]


@dataclass(frozen=True, kw_only=True, slots=True)
class Change:
    """What a turn changes: the saga as it will be but for its `rev`, its runs, new ones, and the journal.

    `now` is what the turn took for the time. Clocks that it set are written as far from the database's time as they
    are from that.
    """

    saga: Saga
    now: datetime
    ends: bool
    commits: bool
    runs: Sequence[RunChange]
    opened: Sequence[Run]
    actor: str
    moves: Sequence[dict[str, Any]]


@dataclass(frozen=True, kw_only=True, slots=True)
class Written:
    """When that was, by the database's clock, and the ids of the runs that it opened."""

    now: datetime
    ids: dict[tuple[str, int], int]


class Refused(Exception):
    """The statement does not hold: nothing was changed."""


CLOCKS = ("since", "at", "ends_at", "rung_at", "started_at", "ended_at")
PLAIN = {
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
OF_RUN = frozenset([*PLAIN, *CLOCKS, "result"])
"""What of a run this can change; a turn that changes more takes the lock."""

SAGA = {
    "state": "varchar",
    "going": "varchar",
    "cause": "varchar",
    "position": "jsonb",
    "next_seq": "int",
    "decisions": "int",
}
OF_SAGA = frozenset([*SAGA, "failure", "ended_at", "committed_at"])
"""What of a saga this can change."""

BIRTH = {
    "saga_id": "uuid",
    "path": "varchar",
    "kind": "varchar",
    "state": "varchar",
    "undo": "varchar",
    "happened": "varchar",
    "prior": "varchar",
    "seq": "int",
    "work": "varchar",
    "doing": "varchar",
    "fence": "int",
    "tries": "int",
    "crashes": "int",
    "worker": "uuid",
    "queue": "varchar",
    "priority": "int",
    "input_rev": "int",
}
BORN = frozenset([*BIRTH, *CLOCKS])
"""What of a new run differs from a pristine one; a turn that opens another takes the lock."""
V = {"id": "uuid", "rev": "bigint", **SAGA, "failure": "jsonb"}
V |= {"ends": "bool", "commits": "bool", "actor": "varchar", "moves": "jsonb"}
U = {"saga_id": "uuid", "id": "bigint", "was": "int", "result": "jsonb", **PLAIN}
U |= {f"{name}_{how}": kind for name in CLOCKS for how, kind in (("on", "timestamptz"), ("by", "interval"))}
O = {**BIRTH, **{f"{name}_by": "interval" for name in CLOCKS}}  # noqa: E741
_PRISTINE = {f.attname: f.get_default() for f in Run._meta.concrete_fields if f.attname not in BORN | {"id"}}


def write(changes: Sequence[Change]) -> list[Written | None]:
    """Write those turns, each of another saga, in one statement; None for those whose saga was touched meanwhile.

    Raises `Refused` when a run is not as its saga's `rev` promised: then nothing was written.
    """
    runs = [(change, one) for change in changes for one in change.runs]
    opened = [(change, run) for change in changes for run in change.opened]
    sizes = _rounded(len(changes)), _rounded(len(runs)), _rounded(len(opened))
    parameters: list[str | None] = [_interval(clock.put_forward())]
    for change in changes:
        saga = change.saga
        parameters += (saga.pk.hex, str(saga.rev), saga.state, saga.going, saga.cause, json.dumps(saga.position))
        parameters += (str(saga.next_seq), str(saga.decisions), _json(saga.failure), _text(change.ends))
        parameters += (_text(change.commits), change.actor, json.dumps(change.moves))
    parameters += [None] * len(V) * (sizes[0] - len(changes))
    for change, one in runs:
        parameters += _run(change, one)
    parameters += [None] * len(U) * (sizes[1] - len(runs))
    for change, run in opened:
        parameters += _new_run(change, run)
    parameters += [None] * len(O) * (sizes[2] - len(opened))
    sql = _statement(*sizes)
    try:
        with transaction.atomic() if connection.in_atomic_block else nullcontext():
            rows = execute(sql, parameters)
    except DataError as error:
        if isinstance(error.__cause__, psycopg.errors.DivisionByZero):
            raise Refused from None
        raise
    found: dict[UUID, Written] = {}
    for saga_id, now, run_id, path, item, _ in rows:
        written = found.setdefault(saga_id, Written(now=now, ids={}))
        if run_id is not None:
            written.ids[path, item] = run_id
    return [found.get(change.saga.pk) for change in changes]


def _rounded(size: int) -> int:
    """Statements are made for few sizes, and filled up with rows of nothing."""
    return size if size < 2 else 1 << (size - 1).bit_length()


def is_writable(run: Run) -> bool:
    """Can a new run be written so, with nothing but what `BORN` has?"""
    return all(getattr(run, name) == value for name, value in _PRISTINE.items())


def due(run_id: int, fence: int) -> tuple[Saga, Run, datetime] | None:
    """A due run under that fence, its saga, and the database's time, read without a lock."""
    ahead = _interval(clock.put_forward())
    rows = execute(_DUE, (ahead, str(run_id), str(fence), ahead))
    if not rows:
        return None
    now, *row = rows[0]
    return _built(Saga, row[: len(SAGA_COLUMNS)]), _built(Run, row[len(SAGA_COLUMNS) :]), now


def unsettled(run: Run, most: int) -> list[Run]:
    """What the way back of that run's saga has before it, the latest first; at most so many."""
    return [_built(Run, row) for row in execute(_UNSETTLED, (run.saga_id.hex, str(most)))]


def execute(statement: str, parameters: Sequence[str | None]) -> list[tuple[Any, ...]]:
    """Run one statement on a connection that is borrowed for it; within a transaction, on that one's.

    Whoever listens to Django's statements (`connection.execute_wrappers`, a debugging cursor) sees it as well.
    """
    if connection.execute_wrappers or connection.queries_logged:
        with connection.cursor() as cursor:
            cursor.execute(statement.replace("$?", "%s"), parameters)
            found: list[tuple[Any, ...]] = cursor.fetchall()
            return found
    with connection.wrap_database_errors, _lent() as lent:
        return psycopg.RawCursor(lent).execute(_numbered(statement), parameters).fetchall()


@cache
def _numbered(statement: str) -> bytes:
    """With the server's own names of parameters, which psycopg need not look for in it each time."""
    number = count(1)
    return re.sub(r"\$\?", lambda _: f"${next(number)}", statement).encode()


@contextmanager
def _lent() -> Iterator[psycopg.Connection]:
    pool = None if connection.in_atomic_block else cast(DatabaseWrapper, connection).pool
    if pool is None:
        connection.ensure_connection()
        yield connection.connection
        return
    pool.open()
    lent = pool.getconn()
    try:
        yield lent
    finally:
        pool.putconn(lent)


def _run(change: Change, one: RunChange) -> Iterator[str | None]:
    run = one.run
    yield change.saga.pk.hex
    yield str(run.pk)
    yield str(one.fence)
    yield _json(run.result)
    for name in PLAIN:
        yield _text(getattr(run, name))
    for name in CLOCKS:
        at = getattr(run, name)
        if at is None:
            yield None
            yield None
        elif name in one.fresh:
            yield None
            yield _interval(at - change.now)
        else:
            yield at.isoformat()
            yield None


def _new_run(change: Change, run: Run) -> Iterator[str | None]:
    for name in BIRTH:
        yield _text(getattr(run, name))
    for name in CLOCKS:
        at = getattr(run, name)
        yield None if at is None else _interval(at - change.now)


def _text(value: Any) -> str | None:
    match value:
        case None:
            return None
        case bool():
            return "t" if value else "f"
        case UUID():
            return value.hex
    return str(value)


def _json(value: Any) -> str | None:
    return None if value is None else json.dumps(value)


def _interval(of: timedelta) -> str:
    return f"{of // timedelta(microseconds=1)} microseconds"


@cache
def _statement(sagas: int, runs: int, opened: int) -> str:
    """The statement for so many sagas, runs and new runs."""
    plain = ", ".join(f"{name} = v.{name}" for name in SAGA)
    parts = [
        "p(ahead) AS MATERIALIZED (SELECT $?::interval)",
        _values("v", V, sagas),
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
        plain = ", ".join(f"{name} = u.{name}" for name in PLAIN)
        clocks = ", ".join(f"{name} = coalesce(u.{name}_on, s.now + u.{name}_by)" for name in CLOCKS)
        parts += [
            _values("u", U, runs),
            f"""r AS (
                UPDATE sagas_run r SET {plain}, {clocks}, result = coalesce(u.result, r.result)
                FROM s JOIN u ON u.saga_id = s.id WHERE r.id = u.id AND r.fence = u.was RETURNING r.id
            )""",  # noqa: S608
        ]
        wanted = "(SELECT count(*) FROM s JOIN u ON u.saga_id = s.id)"
        whole = f"1 / (CASE WHEN (SELECT count(*) FROM r) = {wanted} THEN 1 ELSE 0 END)"  # noqa: S608
    columns, joined = "NULL::bigint, NULL::varchar, NULL::int", ""
    if opened:
        constant = [name for name in _PRISTINE if _PRISTINE[name] is not None]
        given = ", ".join(f"o.{name}" for name in BIRTH)
        clocks = ", ".join(f"s.now + o.{name}_by" for name in CLOCKS)
        pristine = ", ".join(_literal(_PRISTINE[name]) for name in constant)
        parts += [
            _values("o", O, opened),
            f"""n AS (
                INSERT INTO sagas_run ({", ".join([*BIRTH, *CLOCKS, *constant])})
                SELECT {given}, {clocks}, {pristine} FROM s JOIN o ON o.saga_id = s.id
                RETURNING id, saga_id, path, item
            )""",  # noqa: S608
        ]
        columns, joined = "n.id, n.path, n.item", "LEFT JOIN n ON n.saga_id = s.id"
    parts.append("""j AS (
        INSERT INTO sagas_journal (saga_id, rev, actor, moves, at)
        SELECT s.id, s.rev, v.actor, v.moves, s.now FROM s JOIN v ON v.id = s.id
    )""")
    return f"WITH {', '.join(parts)} SELECT s.id, s.now, {columns}, {whole} FROM s {joined}"  # noqa: S608


def _values(name: str, columns: dict[str, str], rows: int) -> str:
    row = f"({', '.join(f'$?::{kind}' for kind in columns.values())})"
    return f"{name}({', '.join(columns)}) AS (VALUES {', '.join([row] * rows)})"


def _literal(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, int) else "'" + str(value).replace("'", "''") + "'"


SAGA_COLUMNS = [str(field.column) for field in Saga._meta.concrete_fields]
RUN_COLUMNS = [str(field.column) for field in Run._meta.concrete_fields]


_JSON = {
    model: [i for i, field in enumerate(model._meta.concrete_fields) if isinstance(field, models.JSONField)]
    for model in (Saga, Run)
}
_NAMES = {model: [field.attname for field in model._meta.concrete_fields] for model in (Saga, Run)}


def _built(model: type[Row], row: Sequence[Any]) -> Row:
    values = list(row)
    for place in _JSON[model]:
        if values[place] is not None:
            values[place] = json.loads(values[place])
    return model.from_db("default", _NAMES[model], values)


def _columns(alias: str, names: Iterable[str]) -> str:
    return ", ".join(f"{alias}.{name}" for name in names)


_DUE = f"""
    SELECT statement_timestamp() + $?::interval, {_columns("g", SAGA_COLUMNS)}, {_columns("r", RUN_COLUMNS)}
    FROM sagas_run r JOIN sagas_saga g ON g.id = r.saga_id
    WHERE r.id = $?::bigint AND r.fence = $?::int AND r.work = 'due' AND r.at <= statement_timestamp() + $?::interval
"""  # noqa: S608 - names of our own columns
_UNSETTLED = f"""
    SELECT {_columns("r", RUN_COLUMNS)} FROM sagas_run r
    WHERE r.saga_id = $?::uuid AND r.seq IS NOT NULL
      AND (r.work IN ('running', 'waiting') OR r.undo IN ('owed', 'due', 'running', 'stuck'))
    ORDER BY r.seq DESC LIMIT $?::int
"""  # noqa: S608
