"""`python -m benchmarks`: measure, show, and write it all down."""

import argparse
import json
import signal
import sys
from collections.abc import Sequence
from dataclasses import asdict, replace
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console

from benchmarks import machine
from benchmarks.catalogue import APART, COUNTED, OURS, QUICK, SYSTEMS
from benchmarks.measurement import Burst
from benchmarks.run import Run
from benchmarks.screen import DISTURBED, Screen
from benchmarks.site import Site
from benchmarks.sizes import FULL, Sizes
from benchmarks.sizes import QUICK as QUICK_SIZES
from benchmarks.summary import Summary, summarised
from benchmarks.system import System
from benchmarks.tables import tables
from tests.harness.product import REPOSITORY


def main(arguments: Sequence[str]) -> int:
    """Run the benchmark; 0 when nothing is missing of what could be measured here."""
    asked = _parser().parse_args(arguments)
    sizes = _sizes(asked)
    names = asked.systems or (QUICK if asked.quick else tuple(SYSTEMS))
    console = Console(width=None if sys.stdout.isatty() else 220)
    with Screen(console) as screen:
        run = Run(sizes, screen)
        with Site() as site:
            systems = [SYSTEMS[name](site) for name in names]
            there = run.prepare(systems)
            run.measure(there)
            about = _about(systems, there, site)
        if not asked.no_counts:
            with Site(counting=True) as site:
                run.count(run.prepare([SYSTEMS[system.name](site) for system in there if system.name in COUNTED]))
    shown = [system.name for system in there]
    ours = [name for name in shown if name in OURS]
    others = [name for name in shown if name not in (*OURS, "limit")]
    summary = summarised(run.measurements, ours, others, apart=APART)
    for table in tables(summary, {system.name: system.title for system in systems}):
        console.print(table)
    if disturbed := [one for one in run.measurements if isinstance(one, Burst) and one.disturbance > DISTURBED]:
        console.print(f"Others kept the machine busy during {len(disturbed)} measurements: read those with care.")
    for name, reason in run.unavailable.items():
        console.print(f"Not measured: {name}: {reason}", highlight=False)
    file = asked.json or REPOSITORY / "var" / "benchmarks" / f"{datetime.now(UTC):%Y-%m-%d-%H%M%S}.json"
    _write(file, {"arguments": list(arguments), "sizes": asdict(sizes), **about}, run, summary)
    console.print(f"Written to {file}")
    return int(not all(one.is_whole for one in run.measurements))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="make bench ARGS=...", description="Measure the coordinator beside its peers."
    )
    parser.add_argument("--quick", action="store_true", help="ours, the limit and the bare chain, in three minutes")
    parser.add_argument(
        "--systems", nargs="+", choices=SYSTEMS, metavar="NAME", help=f"only these: {', '.join(SYSTEMS)}"
    )
    parser.add_argument("--rounds", type=int, help="how often everything is measured")
    parser.add_argument("--sagas", type=int, help="how many sagas are begun at once")
    parser.add_argument("--singles", type=int, help="how many sagas are begun one at a time")
    parser.add_argument("--no-counts", action="store_true", help="leave out the counts of statements and commits")
    parser.add_argument("--json", type=Path, help="where to write everything; else a dated file in var/benchmarks")
    return parser


def _sizes(asked: argparse.Namespace) -> Sizes:
    sizes = QUICK_SIZES if asked.quick else FULL
    given = {name: getattr(asked, name) for name in ("rounds", "sagas", "singles")}
    return replace(sizes, **{name: value for name, value in given.items() if value is not None})


def _about(systems: Sequence[System], there: Sequence[System], site: Site) -> dict[str, object]:
    return {
        "made_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "revision": machine.revision(),
        "machine": machine.described(),
        "postgresql": site.settings(),
        "versions": {"servers": site.versions(), **{system.name: system.versions() for system in there}},
        "settings": {system.name: {"title": system.title, **system.settings()} for system in systems},
    }


def _write(file: Path, about: dict[str, object], run: Run, summary: Summary) -> None:
    measurements = [{"kind": type(one).__name__.lower(), **asdict(one)} for one in run.measurements]
    written = {**about, "not_measured": run.unavailable, "summary": asdict(summary), "measurements": measurements}
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(written, indent=1) + "\n")


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that the servers are ended on the way out
    try:
        sys.exit(main(sys.argv[1:]))
    except KeyboardInterrupt:
        sys.exit(130)
