"""One run: every system in every round, in an order that turns, and what came of it."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Protocol

from benchmarks.measurement import Failure, Measurement
from benchmarks.sizes import Sizes
from benchmarks.system import System, Unavailable, Worked


class Watcher(Protocol):
    """Who is told how the run gets on."""

    def expects(self, parts: int) -> None: ...

    def begins(self, what: str) -> None: ...

    def has(self, measurement: Measurement) -> None: ...

    def skips(self, parts: int) -> None: ...


@dataclass
class Run:
    """`unavailable` holds, by name, why a system could not be measured."""

    sizes: Sizes
    watcher: Watcher
    measurements: list[Measurement] = field(default_factory=list)
    unavailable: dict[str, str] = field(default_factory=dict)

    def prepare(self, systems: Sequence[System]) -> list[System]:
        """Those that can be measured here."""
        there = []
        for system in systems:
            self.watcher.begins(f"preparing {system.title}")
            try:
                system.prepare()
                there.append(system)
            except Exception as error:
                self.unavailable[system.name] = _sentence(error)
        return there

    def measure(self, systems: Sequence[System]) -> None:
        """All rounds. A system that fails in one round has its chance in the next."""
        self.watcher.expects(self.sizes.rounds * sum(len(system.measurements(self.sizes)) for system in systems))
        for number in range(1, self.sizes.rounds + 1):
            for system in turned(systems, number - 1):
                self._turn(system, number)

    def count(self, systems: Sequence[System]) -> None:
        """What a step costs the database, for the systems on a site that counts."""
        for system in systems:
            if isinstance(system, Worked) and system.database is not None:
                self.watcher.begins(f"{system.title}: counting statements")
                with self._noting(system, 0, "counts"):
                    for counts in system.count(system.database, self.sizes):
                        self._note(counts)

    def _turn(self, system: System, number: int) -> None:
        parts = list(system.measurements(self.sizes))
        title = f"round {number} of {self.sizes.rounds}, {system.title}"
        self.watcher.begins(f"{title}: {parts[0]}")
        with self._noting(system, number, title):
            for measurement in system.measure(number, self.sizes):
                parts.pop(0)
                self._note(measurement)
                if parts:
                    self.watcher.begins(f"{title}: {parts[0]}")
        self.watcher.skips(len(parts))

    @contextmanager
    def _noting(self, system: System, number: int, what: str) -> Iterator[None]:
        try:
            yield
        except Exception as error:
            self._note(Failure(system=system.name, round=number, what=what, reason=_sentence(error)))

    def _note(self, measurement: Measurement) -> None:
        self.measurements.append(measurement)
        self.watcher.has(measurement)


def turned(systems: Sequence[System], by: int) -> list[System]:
    """The same in an order that begins further on, so that no system always comes first."""
    by %= max(len(systems), 1)
    return [*systems[by:], *systems[:by]]


def _sentence(error: BaseException) -> str:
    """What an error says, without the middle of what a log says."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    text = " … ".join(lines[:1] + lines[1:][-1:])
    return text if isinstance(error, Unavailable) else f"{type(error).__name__}: {text}"
