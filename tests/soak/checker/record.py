"""The coordinator's tables as the checker reads them: plain SELECTs that PostgreSQL and SQLite both understand."""

import json
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from itertools import groupby
from typing import Any, Protocol

ENDS = frozenset({"completed", "compensated", "cancelled", "failed"})
UNDONE = frozenset({"compensated", "cancelled"})


class Connection(Protocol):
    """A connection of `psycopg` or `sqlite3`."""

    def execute(self, sql: Any, parameters: Any = ..., /) -> Any: ...


@dataclass(frozen=True)
class Saga:
    id: str
    definition: str
    state: str
    cause: str
    rev: int
    parent: int | None
    created_at: datetime
    ended_at: datetime | None


@dataclass(frozen=True)
class Run:
    id: int
    saga: str
    path: str
    item: int
    kind: str
    state: str
    undo: str
    happened: str
    seq: int | None
    generation: int
    undo_round: int
    fence: int
    loser: bool


@dataclass(frozen=True)
class Entry:
    """A journal row: what one transaction moved, and when."""

    rev: int
    at: datetime
    moves: list[dict[str, Any]]


@dataclass(frozen=True)
class Story:
    """A saga with its runs and its journal."""

    saga: Saga
    runs: list[Run]
    journal: list[Entry] = field(repr=False)

    @property
    def moves(self) -> list[dict[str, Any]]:
        return [move for entry in self.journal for move in entry.moves]


SAGAS = "SELECT id, definition, state, cause, rev, parent_id, created_at, ended_at FROM sagas_saga ORDER BY id"
RUNS = """
    SELECT id, saga_id, path, item, kind, state, undo, happened, seq, generation, undo_round, fence, loser
    FROM sagas_run WHERE kind <> 'message' ORDER BY saga_id, id
"""
JOURNAL = "SELECT saga_id, rev, at, moves FROM sagas_journal ORDER BY saga_id, rev"


def sagas(line: Connection) -> list[Saga]:
    """Every saga, children included."""
    return [_saga(*row) for row in line.execute(SAGAS)]


def _saga(pk: Any, *rest: Any) -> Saga:
    definition, state, cause, rev, parent, created_at, ended_at = rest
    return Saga(str(pk), definition, state, cause, rev, parent, moment(created_at), moment(ended_at))


def _run(pk: int, saga: Any, *rest: Any) -> Run:
    path, item, kind, state, undo, happened, seq, generation, undo_round, fence, loser = rest
    return Run(pk, str(saga), path, item, kind, state, undo, happened, seq, generation, undo_round, fence, bool(loser))


def stories(line: Connection) -> Iterator[Story]:
    """Every saga with all that is written of it, one after another."""
    runs: Mapping[str, list[Run]] = defaultdict(list)
    for row in line.execute(RUNS):
        runs[str(row[1])].append(_run(*row))
    known = {saga.id: saga for saga in sagas(line)}
    for found, rows in groupby(line.execute(JOURNAL), key=lambda row: str(row[0])):
        journal = [Entry(row[1], moment(row[2]), values(row[3])) for row in rows]
        if (saga := known.pop(found, None)) is not None:
            yield Story(saga, runs[found], journal)
    for saga in known.values():
        yield Story(saga, runs[saga.id], [])


def moment(given: Any) -> Any:
    """A time; SQLite keeps it as text."""
    return datetime.fromisoformat(given) if isinstance(given, str) else given


def values(given: Any) -> Any:
    """A JSON value; SQLite keeps it as text."""
    return json.loads(given) if isinstance(given, str) else given
