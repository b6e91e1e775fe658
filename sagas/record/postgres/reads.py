"""What a guess reads, without a lock: a run with its saga, and others of that saga as they are at that `rev`."""

import json
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, TypeVar

from django.db import models

from sagas.models import Run, Saga
from sagas.record import clock
from sagas.record.postgres.connections import execute
from sagas.record.postgres.rows import interval

Row = TypeVar("Row", Saga, Run)
Found = tuple[Saga, Run, datetime]


def due(run_id: int, fence: int) -> Found | None:
    """A due run under that fence, its saga, and the database's time."""
    ahead = interval(clock.put_forward())
    return _found(execute(_DUE, (ahead, str(run_id), str(fence), ahead)))


def running(run_id: int, fence: int) -> Found | None:
    """A run that is being done under that fence, its saga, and the database's time."""
    return _found(execute(_RUNNING, (interval(clock.put_forward()), str(run_id), str(fence))))


def another(saga: Saga, run: Run, queue: str) -> list[Run] | None:
    """The first run of that saga that is due on that queue, if there is one beside this; None as with `unsettled`."""
    return _runs(saga, _ANOTHER, (str(run.pk), queue, interval(clock.put_forward())))


def items(saga: Saga, path: str, numbers: Iterable[int]) -> list[Run] | None:
    """Those items of a list; None as with `unsettled`."""
    return _runs(saga, _ITEMS, (path, f"{{{','.join(map(str, numbers))}}}"))


def untaken(saga: Saga, name: str) -> list[int] | None:
    """The first signal of that name that no wait has taken, by its id; None as with `unsettled`."""
    rows = execute(_UNTAKEN, (name, saga.pk.hex, str(saga.rev)))
    return [found for (found,) in rows if found is not None] if rows else None


def unsettled(saga: Saga, most: int) -> list[Run] | None:
    """What the way back of that saga has before it, the latest first; at most so many.

    None when the saga is not at the `rev` that is known of it any more: then that and this do not go together.
    """
    return _runs(saga, _UNSETTLED, (str(most),))


def _runs(saga: Saga, statement: str, parameters: Sequence[str]) -> list[Run] | None:
    rows = execute(statement, (*parameters, saga.pk.hex, str(saga.rev)))
    return [_built(Run, row) for row in rows if row[0] is not None] if rows else None


def _found(rows: Sequence[Sequence[Any]]) -> Found | None:
    if not rows:
        return None
    now, *row = rows[0]
    return _built(Saga, row[: len(_SAGA)]), _built(Run, row[len(_SAGA) :]), now


def _built(model: type[Row], row: Sequence[Any]) -> Row:
    values = list(row)
    for place in _JSON[model]:
        if values[place] is not None:
            values[place] = json.loads(values[place])
    return model.from_db("default", _NAMES[model], values)


def _columns(alias: str, names: Iterable[str]) -> str:
    return ", ".join(f"{alias}.{name}" for name in names)


def _of_saga(condition: str) -> str:
    """Runs of a saga that is at that `rev`: one row of nothing if it has none, and no row if it is not."""
    return f"""
        SELECT {_columns("r", _RUN)} FROM sagas_saga g
        LEFT JOIN LATERAL (SELECT * FROM sagas_run s WHERE s.saga_id = g.id AND {condition}) r ON true
        WHERE g.id = $?::uuid AND g.rev = $?::bigint
    """  # noqa: S608 - names of our own columns, here and below


_SAGA = [str(field.column) for field in Saga._meta.concrete_fields]
_RUN = [str(field.column) for field in Run._meta.concrete_fields]
_NAMES = {model: [field.attname for field in model._meta.concrete_fields] for model in (Saga, Run)}
_JSON = {
    model: [place for place, field in enumerate(model._meta.concrete_fields) if isinstance(field, models.JSONField)]
    for model in (Saga, Run)
}
_ONE = f"""
    SELECT statement_timestamp() + $?::interval, {_columns("g", _SAGA)}, {_columns("r", _RUN)}
    FROM sagas_run r JOIN sagas_saga g ON g.id = r.saga_id
    WHERE r.id = $?::bigint AND r.fence = $?::int
"""  # noqa: S608 - names of our own columns, here and below
_DUE = f"{_ONE} AND r.work = 'due' AND r.at <= statement_timestamp() + $?::interval"
_RUNNING = f"{_ONE} AND r.work = 'running'"
_ANOTHER = _of_saga("""
    s.id <> $?::bigint AND s.work = 'due' AND s.queue = $? AND s.at <= statement_timestamp() + $?::interval
    AND s.kind <> 'message' ORDER BY s.id LIMIT 1
""")
_ITEMS = _of_saga("s.path = $? AND s.item = ANY($?::int[]) ORDER BY s.item")
_UNTAKEN = """
    SELECT (
        SELECT s.id FROM sagas_signal s
        WHERE s.saga_id = g.id AND s.name = $? AND s.flag = '' AND s.taken_by_id IS NULL ORDER BY s.id LIMIT 1
    ) FROM sagas_saga g WHERE g.id = $?::uuid AND g.rev = $?::bigint
"""
_UNSETTLED = _of_saga("""
    s.seq IS NOT NULL
    AND (s.work IN ('running', 'waiting') OR s.undo IN ('owed', 'due', 'running', 'stuck'))
    ORDER BY s.seq DESC LIMIT $?::int
""")
