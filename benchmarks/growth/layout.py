"""`python -m benchmarks.growth.layout`: what room in the blocks is worth to rows that are changed at every step."""

import os
import sys
from dataclasses import dataclass

from rich.console import Console
from rich.table import Table

from benchmarks import processor
from benchmarks.growth.server import TEMPLATE, Server

LAYOUTS = {
    "full blocks": {"sagas_saga": 100, "sagas_run": 100},
    "sagas 80": {"sagas_saga": 80, "sagas_run": 100},
    "sagas 80, runs 80": {"sagas_saga": 80, "sagas_run": 80},
}
HEADS = ("layout", "saga: updates in place", "run: updates in place", "log a step", "PostgreSQL's ms a step", "MB")
HOT = """
    SELECT relname, n_tup_hot_upd::float / greatest(n_tup_upd, 1) FROM pg_stat_user_tables
    WHERE relname IN ('sagas_saga', 'sagas_run')
"""
WAL = "SELECT (pg_current_wal_lsn() - '0/0')::float"
SIZE = "SELECT pg_database_size(current_database())::float"


@dataclass(frozen=True, kw_only=True)
class Cost:
    in_place: dict[str, float]
    log: float
    milliseconds: float
    size: float


def cost(server: Server, name: str, fillfactors: dict[str, int], sagas: int) -> Cost:
    """Run so many orders of five steps, and one in ten that goes back, in a database with that layout.

    All are begun before the first is run, as in a backlog: their rows lie in blocks that others have filled.
    """
    from benchmarks.growth import patterns
    from benchmarks.growth.sagas import order

    database = f"layout_{'_'.join(map(str, fillfactors.values()))}"
    server.use("postgres")
    server.execute(f'CREATE DATABASE "{database}" TEMPLATE {TEMPLATE}')
    server.use(database)
    from django.db import connection

    with connection.cursor() as cursor:
        for table, fillfactor in fillfactors.items():
            cursor.execute(f"ALTER TABLE {table} SET (fillfactor = {fillfactor})")
    tree, before, log = [server.postgres.process.pid], 0.0, _number(server, WAL)
    before = processor.seconds(tree)
    begun = [patterns.start(order.name, refused=number % 10 == 0) for number in range(sagas)]
    for saga in begun:
        patterns.run(saga)
    steps, used = sagas * 5.2, processor.seconds(tree) - before
    written = _number(server, WAL) - log
    server.use(database)  # sessions tell what they did when they end
    in_place = {str(table): float(str(share)) for table, share in server.ask(HOT)}
    return Cost(
        in_place=in_place, log=written / steps, milliseconds=used / steps * 1000, size=_number(server, SIZE) / 1e6
    )


def main(arguments: list[str]) -> None:
    sagas = int(arguments[0]) if arguments else 2000
    table = Table(*HEADS, title=f"{sagas:,} sagas of five steps", title_justify="left")
    with Server() as server:
        for name, fillfactors in LAYOUTS.items():
            found = cost(server, name, fillfactors, sagas)
            shares = (f"{found.in_place[table]:.0%}" for table in fillfactors)
            table.add_row(name, *shares, f"{found.log:,.0f} B", f"{found.milliseconds:.2f}", f"{found.size:.1f}")
        server.use("postgres")
    Console(width=None if sys.stdout.isatty() else 160).print(table)


def _number(server: Server, question: str) -> float:
    [(found,)] = server.ask(question)
    return float(str(found))


if __name__ == "__main__":
    os.environ.setdefault("LOG_LEVEL", "ERROR")
    main(sys.argv[1:])
