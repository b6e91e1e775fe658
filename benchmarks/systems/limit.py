"""The limit: pgbench writes to the coordinator's own tables what one step writes, without any of its work.

`four statements` is a transaction that updates the saga and a run, and inserts the next run and a line of the journal;
`one statement` does the same in a data-modifying CTE. Both are prepared. The rows that are written are copies of rows
that the coordinator wrote a moment before.
"""

import os
import re
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path

import psycopg

from benchmarks import processor
from benchmarks.measurement import Limit as Figure
from benchmarks.measurement import Measurement
from benchmarks.site import Site
from benchmarks.sizes import Sizes
from benchmarks.systems.limit_script import SAGAS, SHAPES, clear, multiply, script, written
from benchmarks.systems.ours import PREFORK, Ours
from benchmarks.work import Flow
from tests.harness.processes import folder
from tests.harness.service import program


class Limit:
    name = "limit"
    title = "the limit: pgbench"

    def __init__(self, site: Site) -> None:
        self.site = site
        self._ours = Ours(site, PREFORK)
        self._ours.database = "the_limit"
        self._url = site.postgres.database_url("the_limit")
        self._scripts = folder("pgbench")

    def prepare(self) -> None:
        """Let the coordinator run one saga, and make the tables and the scripts after its rows."""
        self._program = program("pgbench", self.site.postgres.find_programs())
        self._ours.prepare()
        with self._ours.running() as stage:
            stage.driver.burst(Flow.WELL, 1)
        with psycopg.connect(self._url, autocommit=True) as connection:
            multiply(connection)
            for shape in SHAPES:
                self._script(shape).write_text(script(shape, connection))

    def settings(self) -> dict[str, object]:
        return {"sagas": SAGAS, "protocol": "prepared", "shapes": list(SHAPES)}

    def versions(self) -> dict[str, str]:
        found = subprocess.run([self._program, "--version"], check=True, capture_output=True, text=True)
        return {"pgbench": found.stdout.split()[2]}

    def measurements(self, sizes: Sizes) -> Sequence[str]:
        return [f"{shape}, {clients} clients" for shape in SHAPES for clients in sizes.clients]

    def measure(self, number: int, sizes: Sizes) -> Iterator[Measurement]:
        for shape in SHAPES:
            for clients in sizes.clients:
                yield self._measured(number, shape, clients, sizes.limit_seconds)

    def _measured(self, number: int, shape: str, clients: int, seconds: int) -> Figure:
        with psycopg.connect(self._url, autocommit=True) as connection:
            clear(connection)
            self.site.clear()
            before = processor.seconds(self._pids)
            steps, rate = self._pgbench(shape, clients, seconds)
            used = processor.seconds(self._pids) - before
            found = written(connection)
        return Figure(
            system=self.name,
            round=number,
            shape=shape,
            clients=clients,
            steps=steps,
            confirmed=found,
            seconds=steps / rate,
            processor=used,
        )

    def _pgbench(self, shape: str, clients: int, seconds: int) -> tuple[int, float]:
        """How many transactions there were, and how many a second."""
        command = [self._program, "--no-vacuum", "--protocol", "prepared", "--file", str(self._script(shape))]
        command += ["--client", str(clients), "--jobs", str(min(clients, 2)), "--time", str(seconds), self._url]
        done = subprocess.run(command, check=True, capture_output=True, text=True, cwd=self._scripts)
        steps = re.search(r"actually processed: (\d+)", done.stdout)
        rate = re.search(r"tps = ([\d.]+)", done.stdout)
        if not steps or not rate:
            raise RuntimeError(f"pgbench did not say how many:\n{done.stdout}\n{done.stderr}")
        return int(steps[1]), float(rate[1])

    @property
    def _pids(self) -> list[int]:
        """The server, and this process: a pgbench that has ended counts for its parent."""
        return [self.site.postgres.process.pid, os.getpid()]

    def _script(self, shape: str) -> Path:
        return self._scripts / f"{shape.replace(' ', '_')}.sql"
