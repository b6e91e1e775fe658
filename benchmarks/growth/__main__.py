"""`python -m benchmarks.growth`: fill, measure, show, and write it all down."""

import argparse
import json
import signal
import sys
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console

from benchmarks import machine
from benchmarks.growth.figures import STARTS
from benchmarks.growth.screen import bar, tables
from benchmarks.growth.server import Server
from benchmarks.growth.size import FULL, QUICK
from tests.harness.product import REPOSITORY

PLACE = REPOSITORY / "var" / "benchmarks"


def main(arguments: Sequence[str]) -> int:
    """Run it; 1 when a statement reads a growing table from end to end where the tables are fullest."""
    asked = _parser().parse_args(arguments)
    sizes, rounds = (QUICK, 2) if asked.quick else (FULL, 3)
    console = Console(width=None if sys.stdout.isatty() else 180)
    with Server() as server:
        from benchmarks.growth.door_acts import DOORS  # after the setup
        from benchmarks.growth.engine_acts import engine
        from benchmarks.growth.measuring import bytes_of, in_turn, looked, timed

        acts, measured, starts, seen, space = [*engine(), *DOORS], [], [], [], {}
        by_name = {act.name: act for act in acts}
        at_work = [act for act in acts if act.timed]
        with bar() as progress:
            task = progress.add_task("filling the tables", total=sum(size.sagas for size in sizes))
            for size in sizes:
                server.build(size, lambda sagas: progress.advance(task, sagas))
                server.use(size.database)
                space[size.name] = bytes_of(server)
            task = progress.add_task(
                "measuring", total=rounds * len(sizes) * (len(at_work) + len(STARTS)) + len(sizes) * len(acts)
            )
            for number in range(rounds):
                for size in sizes:
                    server.use(size.database)
                    for act in at_work:
                        progress.update(task, description=f"round {number + 1}, {size.name}: {act.name}")
                        measured.append(timed(server, act, size, number + 1))
                        progress.advance(task)
                    for name, other in STARTS.items():
                        progress.update(task, description=f"round {number + 1}, {size.name}: {name}, in turn")
                        starts.append(in_turn(by_name[name], by_name[other], size, number + 1))
                        progress.advance(task)
            for size in sizes:
                server.use(size.database)
                for act in acts:
                    progress.update(task, description=f"plans, {size.name}: {act.name}")
                    seen.append(looked(act, size))
                    progress.advance(task)
        server.use("postgres")
    for table in tables(measured, starts, seen, sizes):
        console.print(table)
    written = {
        "made_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": machine.described(),
        "sizes": {size.name: asdict(size) for size in sizes},
        "bytes": space,
        "timed": [asdict(one) for one in measured],
        "starts": [asdict(one) for one in starts],
        "plans": [asdict(one) for one in seen],
    }
    file = asked.json or PLACE / f"growth-{datetime.now(UTC):%Y-%m-%d-%H%M%S}.json"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(written, indent=1) + "\n")
    console.print(f"Written to {file}")
    return int(any(one.read_through for one in seen if one.size == sizes[-1].name))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="make bench-growth ARGS=...", description="Measure over full tables.")
    parser.add_argument("--quick", action="store_true", help="up to ten thousand ended sagas, in three minutes")
    parser.add_argument("--json", type=Path, help="where to write everything; else a dated file in var/benchmarks")
    return parser


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that the server is ended on the way out
    try:
        sys.exit(main(sys.argv[1:]))
    except KeyboardInterrupt:
        sys.exit(130)
