"""Everything that is stored sealed, under the newest key: row by row, beside the work that goes on.

    def columns() -> list[Column]:
        return [Column(Receiver, "address")]

Functions like this one are named in `GATEWAY["SEALED"]`. It can be stopped at any time and begun again: what is under
the newest key already is left alone.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from django.db import models, transaction
from django.utils.module_loading import import_string

from gateway import conf, vault
from gateway.borrowing import borrowed

BATCH = 200


@dataclass(frozen=True, slots=True)
class Column:
    """A column with sealed values: texts, or, with a `reseal` of its own, something that holds such texts."""

    model: type[models.Model]
    name: str
    reseal: Callable[[Any], Any] = vault.reseal
    """The same value under the newest key, an equal one if it is. Raises `vault.Unreadable`."""

    def __str__(self) -> str:
        return f"{self.model._meta.verbose_name_plural}, {self.name}"


@dataclass(frozen=True, slots=True)
class Batch:
    """What became of some rows: how many were looked at, resealed, and cannot be read, with why for the first."""

    looked_at: int
    resealed: int
    unreadable: int
    why: str = ""


def columns() -> list[Column]:
    """All columns of all apps."""
    return [column for path in conf.current().SEALED for column in import_string(path)()]


def reseal(column: Column, *, dry_run: bool = False) -> Iterator[Batch]:
    """Go through a column, a transaction for each batch; with `dry_run` only say what would be resealed."""
    rows = column.model._default_manager.exclude(**{column.name: None}).order_by("pk")
    last = None
    while True:
        with borrowed():
            ahead = rows if last is None else rows.filter(pk__gt=last)
            found = list(ahead.values_list("pk", column.name)[:BATCH])
            if not found:
                return
            old, unreadable, why = _under_old_keys(column, found)
            done = len(old) if dry_run else _resealed(column, old)
        yield Batch(looked_at=len(found), resealed=done, unreadable=unreadable, why=why)
        last = found[-1][0]


def _under_old_keys(column: Column, rows: Sequence[tuple[Any, Any]]) -> tuple[list[Any], int, str]:
    old, failures = [], []
    for pk, value in rows:
        try:
            if value and column.reseal(value) != value:
                old.append(pk)
        except vault.Unreadable as error:
            failures.append(str(error))
    return old, len(failures), next(iter(failures), "")


def _resealed(column: Column, ids: Sequence[Any]) -> int:
    """Those that nobody holds in one transaction, and each of the others in one: so nobody waits for two of us."""
    taken = _write(column, ids, skip_locked=True)
    return len(taken) + sum(len(_write(column, [pk])) for pk in ids if pk not in taken)


def _write(column: Column, ids: Sequence[Any], *, skip_locked: bool = False) -> set[Any]:
    with transaction.atomic():
        locked = column.model._default_manager.select_for_update(skip_locked=skip_locked, of=("self",)).filter(
            pk__in=ids
        )
        rows = dict(locked.values_list("pk", column.name)) if ids else {}
        for pk, value in rows.items():
            column.model._default_manager.filter(pk=pk).update(**{column.name: column.reseal(value)})
    return set(rows)
