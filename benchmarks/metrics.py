"""What is told of a system: each metric takes one number from one kind of measurement."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from benchmarks.figures import ByRound
from benchmarks.measurement import Burst, Limit, Measurement, Singles
from benchmarks.work import Flow


@dataclass(frozen=True)
class Metric:
    """`scale` makes the number one for people to read."""

    name: str
    title: str
    kind: type[Burst] | type[Singles]
    flow: Flow
    of: Callable[[Any], float | None]
    scale: float = 1.0

    def by_round(self, measurements: Iterable[Measurement], system: str) -> dict[int, float | None]:
        """The metric of one system in each round; None where a result was missing."""
        return {
            found.round: self._scaled(self.of(found))
            for found in measurements
            if isinstance(found, self.kind) and found.system == system and found.flow is self.flow
        }

    def _scaled(self, number: float | None) -> float | None:
        return None if number is None else number * self.scale


SAGAS = Metric("sagas_well", "sagas/s, all well", Burst, Flow.WELL, lambda burst: burst.rate)
STEPS = Metric("steps_well", "steps/s, all well", Burst, Flow.WELL, lambda burst: burst.step_rate)
REFUSED = Metric("sagas_refused", "sagas/s, refused", Burst, Flow.REFUSED, lambda burst: burst.rate)
REFUSED_STEPS = Metric("steps_refused", "steps/s, refused", Burst, Flow.REFUSED, lambda burst: burst.step_rate)
PROCESSOR = Metric("processor", "processor ms/step", Burst, Flow.WELL, lambda burst: burst.processor_per_step, 1000)
MEDIAN = Metric("p50", "one at a time p50, ms", Singles, Flow.WELL, lambda singles: singles.percentile(50), 1000)
TAIL = Metric("p99", "p99, ms", Singles, Flow.WELL, lambda singles: singles.percentile(99), 1000)
MEMORY = Metric("memory", "memory, MiB", Burst, Flow.WELL, lambda burst: burst.memory, 1 / 2**20)

METRICS = (SAGAS, STEPS, REFUSED, REFUSED_STEPS, MEDIAN, TAIL, PROCESSOR, MEMORY)
COMPARED = (STEPS, REFUSED_STEPS, MEDIAN, TAIL, PROCESSOR)


def limit_by_round(measurements: Iterable[Measurement], shape: str, clients: int) -> ByRound:
    """Steps a second that the database alone made in this shape."""
    return {
        found.round: found.step_rate
        for found in measurements
        if isinstance(found, Limit) and found.shape == shape and found.clients == clients
    }


def limits(measurements: Iterable[Measurement]) -> dict[str, list[int]]:
    """The shapes that were measured, and with how many clients."""
    found: dict[str, list[int]] = {}
    for one in measurements:
        if isinstance(one, Limit) and one.clients not in found.setdefault(one.shape, []):
            found[one.shape].append(one.clients)
    return found


def best_limit(measurements: list[Measurement], shape: str) -> ByRound:
    """The most that this shape made in each round, whatever the number of clients."""
    best: dict[int, float | None] = {}
    for clients in limits(measurements)[shape]:
        for number, rate in limit_by_round(measurements, shape, clients).items():
            best[number] = max(filter(None, (rate, best.get(number))), default=None)
    return best
