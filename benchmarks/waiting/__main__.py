"""`python -m benchmarks.waiting`: measure the pools, or try whether they are sound."""

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
from benchmarks.site import Site
from benchmarks.waiting import pools
from benchmarks.waiting.pools import Pool
from benchmarks.waiting.soundness import Proof, proofs
from benchmarks.waiting.tables import proofs_table, trials_table
from benchmarks.waiting.trial import Trial, trial
from tests.harness.product import REPOSITORY

KNOWN = {pool.name: pool for pool in (*pools.FULL, *pools.QUICK, *pools.SOUND, *pools.UNSOUND)}


def main(arguments: Sequence[str]) -> int:
    """Measure, and disturb with `--sound`; 0 when nothing went wrong."""
    asked = _parser().parse_args(arguments)
    sagas = asked.sagas or (100 if asked.quick else 500)
    chosen = [KNOWN[name] for name in asked.pools or ()]
    console = Console(width=None if sys.stdout.isatty() else 220)
    trials: list[Trial] = []
    found: list[Proof] = []
    with Site() as site:
        if not asked.sound:
            trials = [
                _told(console, pool, site, sagas) for pool in chosen or (pools.QUICK if asked.quick else pools.FULL)
            ]
        else:
            for pool in chosen or pools.SOUND:
                for proof in proofs(site, pool, sagas):
                    console.print(f"{pool.name}, {proof.disturbance}: {'; '.join(proof.faults) or 'nothing is wrong'}")
                    found.append(proof)
        about = {"machine": machine.described(), "versions": site.versions()}
    console.print(trials_table(trials) if trials else proofs_table(found))
    file = asked.json or REPOSITORY / "var" / "benchmarks" / f"waiting-{datetime.now(UTC):%Y-%m-%d-%H%M%S}.json"
    file.parent.mkdir(parents=True, exist_ok=True)
    measured = {"trials": [asdict(one) for one in trials], "proofs": [asdict(one) for one in found]}
    file.write_text(json.dumps({"arguments": list(arguments), **about, **measured}, indent=1) + "\n")
    console.print(f"Written to {file}")
    return int(any(one.faults for one in trials) or any(one.faults for one in found))


def _told(console: Console, pool: Pool, site: Site, sagas: int) -> Trial:
    one = trial(site, pool, sagas)
    console.print(f"{one.pool}: {one.in_flight} in flight at once, {one.rate:.1f} sagas/s", highlight=False)
    for complaint in one.complaints[:5]:
        console.print(complaint, highlight=False, markup=False)
    return one


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="make bench-waiting ARGS=...", description="Measure steps that wait.")
    parser.add_argument("--quick", action="store_true", help="100 sagas, three pools: a minute")
    parser.add_argument("--sound", action="store_true", help="disturb the pools instead, while steps are in flight")
    parser.add_argument("--pools", nargs="+", choices=KNOWN, metavar="NAME", help=f"only these: {', '.join(KNOWN)}")
    parser.add_argument("--sagas", type=int, help="how many sagas run through")
    parser.add_argument("--json", type=Path, help="where to write everything; else a dated file in var/benchmarks")
    return parser


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that the servers are ended on the way out
    try:
        sys.exit(main(sys.argv[1:]))
    except KeyboardInterrupt:
        sys.exit(130)
