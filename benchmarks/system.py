"""What the benchmark wants of a system, and what all systems with workers have in common."""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Protocol

from benchmarks import counters, processor
from benchmarks.driving import Driven
from benchmarks.measurement import Burst, Counts, Measurement, Singles
from benchmarks.site import Site
from benchmarks.sizes import Sizes
from benchmarks.work import Flow
from tests.harness.processes import Process

SINGLES_TO_WARM = 5


class Unavailable(Exception):
    """The system cannot be measured here; the text says why."""


class System(Protocol):
    name: str
    """What it is called on the command line and in the file."""
    title: str
    """What it is called in the table."""

    def prepare(self) -> None:
        """Install and create what it needs, once; raises `Unavailable`."""

    def measurements(self, sizes: Sizes) -> Sequence[str]:
        """What `measure` is going to do, for the progress bar."""

    def measure(self, number: int, sizes: Sizes) -> Iterator[Measurement]:
        """Do it all once, and leave nothing running."""

    def settings(self) -> dict[str, object]:
        """How it was set."""

    def versions(self) -> dict[str, str]:
        """What was measured; known once it was."""


@dataclass(frozen=True)
class Stage:
    """A system that runs: its driver, its workers, and all servers that work for it."""

    driver: Driven
    workers: Sequence[Process]
    servers: Sequence[Process]

    @property
    def pids(self) -> list[int]:
        return [process.pid for process in (self.driver.process, *self.workers, *self.servers)]


class Worked(ABC):
    """A system with a driver and workers. `backlog` holds the workers still until all sagas have been begun."""

    name: str
    title: str
    backlog = False
    at_most: int | None = None
    """Sagas at once, where the full number would take an age."""
    database: str | None = None
    """Its database on the site's PostgreSQL, if it has one."""

    def __init__(self, site: Site) -> None:
        self.site = site
        self._versions: dict[str, str] = {}

    @abstractmethod
    def prepare(self) -> None: ...

    @abstractmethod
    def settings(self) -> dict[str, object]: ...

    @abstractmethod
    @contextmanager
    def running(self) -> Iterator[Stage]:
        """Start everything, and end it afterwards."""

    def versions(self) -> dict[str, str]:
        return self._versions

    def measurements(self, sizes: Sizes) -> Sequence[str]:
        sizes = self._fitting(sizes)
        return [f"{sizes.sagas} sagas, {flow}" for flow in Flow] + [f"{sizes.singles} sagas one at a time"]

    def measure(self, number: int, sizes: Sizes) -> Iterator[Measurement]:
        sizes = self._fitting(sizes)
        with self.running() as stage:
            self._versions = stage.driver.versions()
            self._warm(stage, sizes.warm)
            for flow in Flow:
                yield self._burst(stage, number, flow, sizes.sagas)
            yield self._singles(stage, number, sizes.singles)

    def count(self, database: str, sizes: Sizes) -> Iterator[Counts]:
        """What a step costs its database, on a site that counts; what starting and ending cost is taken off."""
        server = self.site.postgres.url
        before = counters.read(server, database)
        with self.running():
            pass
        last = counters.read(server, database)
        idle = last - before
        for flow in sizes.flows_counted:
            with self.running() as stage:
                stage.driver.burst(flow, sizes.counted)
            now = counters.read(server, database)
            used, last = now - last - idle, now
            steps = sizes.counted * flow.steps
            yield Counts(
                system=self.name,
                flow=flow,
                statements=used.statements / steps,
                transactions=used.transactions / steps,
                flushes=used.flushes / steps,
            )

    def _warm(self, stage: Stage, sagas: int) -> None:
        """Open what is opened once: connections, channels, caches. None of it is measured."""
        for flow in Flow:
            stage.driver.burst(flow, sagas)
        stage.driver.singles(Flow.WELL, SINGLES_TO_WARM)
        stage.driver.confirmed()

    def _burst(self, stage: Stage, number: int, flow: Flow, sagas: int) -> Burst:
        if self.backlog:
            for worker in stage.workers:
                worker.freeze()
            stage.driver.start(flow, sagas)
        before, machine = processor.seconds(stage.pids), processor.machine_seconds()
        if self.backlog:
            for worker in stage.workers:
                worker.thaw()
            seconds = stage.driver.wait()
        else:
            seconds = stage.driver.burst(flow, sagas)
        used, machine = processor.seconds(stage.pids) - before, processor.machine_seconds() - machine
        return Burst(
            system=self.name,
            round=number,
            flow=flow,
            sagas=sagas,
            seconds=seconds,
            processor=used,
            others=max(machine - used, 0.0),
            memory=processor.memory(stage.pids),
            confirmed=stage.driver.confirmed(),
        )

    def _singles(self, stage: Stage, number: int, sagas: int) -> Singles:
        latencies = stage.driver.singles(Flow.WELL, sagas)
        return Singles(
            system=self.name, round=number, flow=Flow.WELL, latencies=latencies, confirmed=stage.driver.confirmed()
        )

    def _fitting(self, sizes: Sizes) -> Sizes:
        return sizes if self.at_most is None else sizes.at_most(self.at_most)
