"""What a guess reads, without a lock: a due run with its saga, and the stack of a saga that goes back."""

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


def due(run_id: int, fence: int) -> tuple[Saga, Run, datetime] | None:
    """A due run under that fence, its saga, and the database's time."""
    ahead = interval(clock.put_forward())
    rows = execute(_DUE, (ahead, str(run_id), str(fence), ahead))
    if not rows:
        return None
    now, *row = rows[0]
    return _built(Saga, row[: len(_SAGA)]), _built(Run, row[len(_SAGA) :]), now


def unsettled(run: Run, most: int) -> list[Run]:
    """What the way back of that run's saga has before it, the latest first; at most so many."""
    return [_built(Run, row) for row in execute(_UNSETTLED, (run.saga_id.hex, str(most)))]


_SAGA = [str(field.column) for field in Saga._meta.concrete_fields]
_RUN = [str(field.column) for field in Run._meta.concrete_fields]
_NAMES = {model: [field.attname for field in model._meta.concrete_fields] for model in (Saga, Run)}
_JSON = {
    model: [place for place, field in enumerate(model._meta.concrete_fields) if isinstance(field, models.JSONField)]
    for model in (Saga, Run)
}


def _built(model: type[Row], row: Sequence[Any]) -> Row:
    values = list(row)
    for place in _JSON[model]:
        if values[place] is not None:
            values[place] = json.loads(values[place])
    return model.from_db("default", _NAMES[model], values)


def _columns(alias: str, names: Iterable[str]) -> str:
    return ", ".join(f"{alias}.{name}" for name in names)


_DUE = f"""
    SELECT statement_timestamp() + $?::interval, {_columns("g", _SAGA)}, {_columns("r", _RUN)}
    FROM sagas_run r JOIN sagas_saga g ON g.id = r.saga_id
    WHERE r.id = $?::bigint AND r.fence = $?::int AND r.work = 'due' AND r.at <= statement_timestamp() + $?::interval
"""  # noqa: S608 - names of our own columns, here and below
_UNSETTLED = f"""
    SELECT {_columns("r", _RUN)} FROM sagas_run r
    WHERE r.saga_id = $?::uuid AND r.seq IS NOT NULL
      AND (r.work IN ('running', 'waiting') OR r.undo IN ('owed', 'due', 'running', 'stuck'))
    ORDER BY r.seq DESC LIMIT $?::int
"""  # noqa: S608
