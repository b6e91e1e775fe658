"""A run: who is measured when, and what becomes of those that cannot be."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from benchmarks.measurement import Failure, Measurement
from benchmarks.run import Run, turned
from benchmarks.sizes import Sizes
from benchmarks.system import System, Unavailable
from tests.benchmarks.made import burst


@dataclass
class Fake:
    """A system that needs no process; it fails in the rounds in `fails`, after its first measurement."""

    name: str
    fails: Sequence[int] = ()
    objection: Exception | None = None
    title: str = "a fake"

    def prepare(self) -> None:
        if self.objection:
            raise self.objection

    def measurements(self, sizes: Sizes) -> Sequence[str]:
        return ["one", "two"]

    def measure(self, number: int, sizes: Sizes) -> Iterator[Measurement]:
        yield burst(self.name, number)
        if number in self.fails:
            raise RuntimeError("It fell over.\nMuch was said.\nThe reason.")
        yield burst(self.name, number)

    def settings(self) -> dict[str, object]:
        return {}

    def versions(self) -> dict[str, str]:
        return {}


@dataclass
class Watcher:
    expected: int = 0
    parts: int = 0
    begun: list[str] = field(default_factory=list)

    def expects(self, parts: int) -> None:
        self.expected = parts

    def begins(self, what: str) -> None:
        self.begun.append(what)

    def has(self, measurement: Measurement) -> None:
        self.parts += not isinstance(measurement, Failure)

    def skips(self, parts: int) -> None:
        self.parts += parts


def measured(*systems: System, rounds: int = 3) -> tuple[Run, Watcher]:
    watcher = Watcher()
    run = Run(Sizes(rounds=rounds), watcher)
    run.measure(run.prepare(systems))
    return run, watcher


def test_the_order_turns_with_every_round():
    run, _ = measured(Fake("a"), Fake("b"), Fake("c"))
    order = [found.system for found in run.measurements[::2]]
    assert order == ["a", "b", "c", "b", "c", "a", "c", "a", "b"]


def test_turning_comes_round_again():
    systems: list[System] = [Fake("a"), Fake("b")]
    assert turned(systems, 2) == systems
    assert turned([], 1) == []


def test_a_system_that_cannot_be_had_is_told_with_its_reason_and_the_others_go_on():
    run, _ = measured(Fake("gone", objection=Unavailable("npm is not installed")), Fake("there"), rounds=1)
    assert run.unavailable == {"gone": "npm is not installed"}
    assert {found.system for found in run.measurements} == {"there"}


def test_a_system_whose_preparation_breaks_is_told_as_well():
    run, _ = measured(Fake("broken", objection=OSError("no space left")), rounds=1)
    assert run.unavailable == {"broken": "OSError: no space left"}


def test_a_system_that_fails_in_one_round_is_told_and_has_its_chance_in_the_next():
    run, watcher = measured(Fake("a", fails=[1]), rounds=2)
    failures = [found for found in run.measurements if isinstance(found, Failure)]
    assert [(failure.round, failure.reason) for failure in failures] == [
        (1, "RuntimeError: It fell over. … The reason.")
    ]
    assert [found.round for found in run.measurements if not isinstance(found, Failure)] == [1, 2, 2]
    assert watcher.parts == watcher.expected == 4
