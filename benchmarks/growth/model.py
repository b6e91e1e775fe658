"""`python -m benchmarks.growth.model FILE`: what so many times this machine's work takes, from what a step costs here.

FILE is what `make bench-growth` wrote. The model multiplies and divides; it knows no queues and no bursts, so plan with
the `use` that it leaves of each processor.
"""

import argparse
import json
import math
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

from rich.console import Console
from rich.table import Table

MONTH = 30 * 24 * 3600
STEPS = 5
"""Steps of a saga, as in the benchmark."""
TIMES = (1, 10, 100, 1000)


@dataclass(frozen=True, kw_only=True)
class Costs:
    """What a saga of five steps costs: seconds of processor time, bytes of log, bytes that stay."""

    worker: float
    database: float
    broker: float
    log: float
    stays: float
    journal: float
    """Of what stays, the part that is the journal."""


@dataclass(frozen=True, kw_only=True)
class Hosts:
    """What is bought: processors in a host, how much of them is planned for, and bounds of one database server."""

    processors: int = 16
    database_processors: int = 32
    use: float = 0.6
    log: float = 150e6
    """Bytes a second that one database server writes ahead, day and night, and its replicas keep up with."""
    connections_a_host: int = 20
    """Two worker processes with a pool of ten each, whatever their concurrency."""


@dataclass(frozen=True, kw_only=True)
class Needs:
    """What a rate needs."""

    sagas: float
    workers: int
    databases: int
    broker: float
    connections: int
    log: float
    disk: float
    """Bytes that a month adds."""
    first: str
    """What is full first, of all that there is one of."""


def read(file: Path, message: float, broker: float) -> Costs:
    """The costs over the fullest tables that were measured.

    The benchmark has no broker: `message` is what sending and receiving a saga's message costs workers and starters,
    `broker` what the broker itself does for it, in seconds.
    """
    found = json.loads(file.read_text())
    fullest = list(found["sizes"])[-1]

    def middle(act: str, what: str) -> float:
        return median(float(one[what]) for one in found["timed"] if (one["act"], one["size"]) == (act, fullest))

    def both(what: str) -> float:
        return STEPS * middle("steps", what) + middle("start", what)

    stays, journal = _stays(found["bytes"][fullest])
    worker, database = both("here") + message, both("database")
    return Costs(worker=worker, database=database, broker=broker, log=both("log"), stays=stays, journal=journal)


def _stays(tables: dict[str, Any]) -> tuple[float, float]:
    """Bytes that a saga leaves behind in all tables, and in the journal, indexes included."""
    sagas = tables["sagas_saga"]["rows"]
    each = {name: (table["data"] + table["indexes"]) / sagas for name, table in tables.items()}
    return sum(each.values()), each["sagas_journal"]


def here(costs: Costs, processors: int) -> float:
    """Sagas a second that one machine makes with everything on it."""
    return processors / (costs.worker + costs.database + costs.broker)


def needs(sagas: float, costs: Costs, hosts: Hosts) -> Needs:
    """What so many sagas a second need."""
    of_database = sagas * costs.database / (hosts.database_processors * hosts.use)
    of_log = sagas * costs.log / hosts.log
    broker = sagas * costs.broker
    workers = math.ceil(sagas * costs.worker / (hosts.processors * hosts.use))
    full = {"PostgreSQL's processors": of_database, "PostgreSQL's log": of_log, "the broker": broker / hosts.use}
    first, share = max(full.items(), key=lambda one: one[1])
    return Needs(
        sagas=sagas,
        workers=workers,
        databases=max(math.ceil(of_database), math.ceil(of_log)),
        broker=broker,
        connections=workers * hosts.connections_a_host,
        log=sagas * costs.log,
        disk=sagas * costs.stays * MONTH,
        first=f"{first}, {share:.0%}",
    )


def main(arguments: Sequence[str]) -> None:
    asked = _parser().parse_args(arguments)
    costs, hosts = read(asked.file, asked.message / 1000, asked.broker / 1000), Hosts()
    now = here(costs, asked.processors)
    console = Console(width=None if sys.stdout.isatty() else 160)
    console.print(
        f"A saga of {STEPS} steps: {costs.worker * 1000:.1f} ms of a worker's processor,"
        f" {costs.database * 1000:.1f} of PostgreSQL's, {costs.broker * 1000:.2f} of the broker's;"
        f" {costs.log / 1000:,.0f} kB of log; {costs.stays / 1000:.1f} kB stay, {costs.journal / costs.stays:.0%} of"
        " them the journal.",
        highlight=False,
    )
    heads = ("times", "sagas/s", "worker hosts", "databases", "connections", "log, MB/s", "disk a month", "first full")
    title = (
        f"Worker hosts of {hosts.processors} processors, databases of {hosts.database_processors}, {hosts.use:.0%} used"
    )
    table = Table(*heads, title=title, title_justify="left")
    for times in TIMES:
        found = needs(now * times, costs, hosts)
        numbers = (f"{times:,}", f"{found.sagas:,.0f}", f"{found.workers:,}", f"{found.databases:,}")
        rest = (f"{found.connections:,}", f"{found.log / 1e6:,.0f}", f"{found.disk / 1e12:,.1f} TB", found.first)
        table.add_row(*numbers, *rest)
    console.print(table)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.growth.model", description=__doc__)
    parser.add_argument("file", type=Path, help="what make bench-growth wrote")
    parser.add_argument("--processors", type=int, default=2, help="of the machine that all began on (default: 2)")
    of = "milliseconds of processor time for a saga's message"
    parser.add_argument("--message", type=float, default=0.8, help=f"{of}, to send and to receive it (default: 0.8)")
    parser.add_argument("--broker", type=float, default=0.05, help=f"{of}, in the broker (default: 0.05)")
    return parser


if __name__ == "__main__":
    main(sys.argv[1:])
