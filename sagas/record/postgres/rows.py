"""Rows as parameters of a statement: which columns, of which types, and how values are told."""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from operator import attrgetter
from typing import Any
from uuid import UUID

from sagas.models import Run

Columns = Mapping[str, str]
Parameters = list[str | None]

CLOCKS = ("since", "at", "ends_at", "rung_at", "started_at", "ended_at")
"""A run's times. Those that a turn sets are told as how long after its `now`, and counted from the database's."""

NEW_RUN = {
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
_PRISTINE = {
    field.attname: field.get_default()
    for field in Run._meta.concrete_fields
    if field.attname not in {"id", *NEW_RUN, *CLOCKS}
}
_of_pristine, _AS_NEW = attrgetter(*_PRISTINE), tuple(_PRISTINE.values())
_of_new_run = attrgetter(*NEW_RUN)
clocks_of = attrgetter(*CLOCKS)
_TEXTS: dict[type, Callable[[Any], str]] = {
    bool: lambda value: "t" if value else "f",
    UUID: lambda value: value.hex,
}
_ROW: Columns = {**NEW_RUN, **{f"{name}_by": "interval" for name in CLOCKS}}


def is_plain(run: Run) -> bool:
    """Has a new run nothing but what is written of new runs?"""
    return bool(_of_pristine(run) == _AS_NEW)


def values(name: str, columns: Columns, rows: int) -> str:
    """A part of a statement: so many rows of parameters, by that name."""
    row = f"({', '.join(f'$?::{kind}' for kind in columns.values())})"
    return f"{name}({', '.join(columns)}) AS (VALUES {', '.join([row] * rows)})"


def filled(rows: Iterable[Iterable[str | None]], columns: Columns, size: int) -> Parameters:
    """The parameters of those rows, and of as many rows of nothing as are wanting."""
    parameters = [parameter for row in rows for parameter in row]
    return parameters + [None] * (len(columns) * size - len(parameters))


def rounded(size: int) -> int:
    """Statements are made, and prepared, for few sizes: powers of two."""
    return size if size < 2 else 1 << (size - 1).bit_length()


def new_runs(runs: Sequence[tuple[datetime, Run]]) -> Parameters:
    """The parameters of `insert_runs`: new runs, each with the time that its turn took for the present."""
    return filled((_new_run(now, run) for now, run in runs), _ROW, rounded(len(runs)))


def insert_runs(size: int) -> tuple[str, str]:
    """Parts of a statement, `o` and `n`: so many new runs, inserted for the sagas that are in `s` with their `now`."""
    constant = [name for name, value in _PRISTINE.items() if value is not None]
    given = ", ".join(f"o.{name}" for name in NEW_RUN)
    clocks = ", ".join(f"s.now + o.{name}_by" for name in CLOCKS)
    pristine = ", ".join(_literal(_PRISTINE[name]) for name in constant)
    insert = f"""n AS (
        INSERT INTO sagas_run ({", ".join([*NEW_RUN, *CLOCKS, *constant])})
        SELECT {given}, {clocks}, {pristine} FROM s JOIN o ON o.saga_id = s.id
        RETURNING id, saga_id, path, item
    )"""  # noqa: S608 - names of our own columns
    return values("o", _ROW, rounded(size)), insert


def text(value: Any) -> str | None:
    """A value as the server reads it."""
    kind = value.__class__
    if kind is str or value is None:
        return value  # type: ignore[no-any-return]
    return _TEXTS.get(kind, str)(value)


def texts(values: Iterable[Any]) -> list[str | None]:
    return [value if value is None or value.__class__ is str else text(value) for value in values]


def as_json(value: Any) -> str | None:
    return None if value is None else json.dumps(value)


def interval(of: timedelta) -> str:
    return f"{of // timedelta(microseconds=1)} microseconds"


def _new_run(now: datetime, run: Run) -> list[str | None]:
    told = texts(_of_new_run(run))
    told += [None if at is None else interval(at - now) for at in clocks_of(run)]
    return told


def _literal(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, int) else "'" + str(value).replace("'", "''") + "'"
