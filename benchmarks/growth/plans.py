"""How PostgreSQL carries out each statement that is issued: which rows it finds by an index, and what it reads."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any

from django.db import connection, transaction

EXPLAINED = ("SELECT", "INSERT", "UPDATE", "DELETE", "WITH")


@dataclass(frozen=True, kw_only=True)
class Seen:
    """A statement and its plan."""

    statement: str
    plan: dict[str, Any]

    @property
    def nodes(self) -> list[dict[str, Any]]:
        return list(_nodes(self.plan))

    @property
    def read_through(self) -> list[str]:
        """The tables that are read from the first row to the last."""
        return [node["Relation Name"] for node in self.nodes if node["Node Type"] == "Seq Scan"]

    @property
    def indexes(self) -> list[str]:
        return list(dict.fromkeys(node["Index Name"] for node in self.nodes if "Index Name" in node))

    @property
    def blocks(self) -> int:
        """Blocks of 8 KiB that it read, of data and of indexes, in memory or not; what is read twice counts twice."""
        return sum(int(self.plan.get(f"Shared {how} Blocks", 0)) for how in ("Hit", "Read"))


def _nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for below in plan.get("Plans", ()):
        yield from _nodes(below)


@contextmanager
def watched(*, by_index: bool = False) -> Iterator[list[Seen]]:
    """Collect the plan of every statement in this block, and what it reads, just before it is carried out.

    Each is carried out twice, the first time undone at once. `by_index` lets PostgreSQL read a table from end to end
    there only where no index serves, as it would in a table that is large enough.
    """
    seen: list[Seen] = []
    looking = False

    def look(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        nonlocal looking
        if not looking and not many and sql.lstrip().upper().startswith(EXPLAINED):
            looking = True
            try:
                seen.append(Seen(statement=sql, plan=_plan(sql, params, by_index=by_index)))
            finally:
                looking = False
        return execute(sql, params, many, context)

    with connection.execute_wrapper(look):
        yield seen


class _Undone(Exception):
    pass


def _plan(sql: str, params: Any, *, by_index: bool) -> dict[str, Any]:
    found: dict[str, Any] = {}
    with suppress(_Undone), transaction.atomic(), connection.cursor() as cursor:
        if by_index:
            cursor.execute("SET LOCAL enable_seqscan = off")
        cursor.execute(f"EXPLAIN (ANALYZE, BUFFERS, TIMING OFF, FORMAT JSON) {sql}", params)
        found = cursor.fetchone()[0][0]["Plan"]
        raise _Undone
    return found
