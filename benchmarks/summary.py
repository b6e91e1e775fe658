"""What a run says, in figures: for each system, for the limit, and how ours stands to each."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from benchmarks.figures import Spread, highest, ratio, spread
from benchmarks.measurement import Counts, Measurement
from benchmarks.metrics import COMPARED, METRICS, STEPS, Metric, best_limit, limit_by_round, limits
from benchmarks.work import Flow


@dataclass(frozen=True)
class Summary:
    """All mappings go from a system's name, and then from a metric's; a spread is missing where there is none."""

    figures: Mapping[str, Mapping[str, Spread]]
    counts: Mapping[str, Mapping[Flow, Counts]]
    limits: Mapping[str, Mapping[int, Spread]]
    """By shape and number of clients, steps a second."""
    ratios: Mapping[str, Mapping[str, Mapping[str, Spread]]]
    """Ours, by name, to each of the others: more than one means that ours has more of it."""
    limit_ratios: Mapping[str, Mapping[str, Spread]]
    """Steps a second of ours, by name, to the most that each shape of the limit made."""
    best: str | None
    """Which of ours makes most steps a second."""


def summarised(
    measurements: list[Measurement], ours: Sequence[str], others: Sequence[str], *, apart: Collection[str] = ()
) -> Summary:
    """Put a run's measurements together; `ours` are our settings, `others` the systems beside us.

    Settings that are `apart` do not compete with the others: their work was laid out before they began.
    """
    shapes = limits(measurements)
    competing = [name for name in ours if name not in apart]
    return Summary(
        figures={name: _figures(measurements, name) for name in (*ours, *others)},
        counts=_counts(measurements),
        limits={
            shape: {
                clients: found
                for clients in sorted(numbers)
                if (found := spread(limit_by_round(measurements, shape, clients)))
            }
            for shape, numbers in shapes.items()
        },
        ratios={
            name: {other: _ratios(measurements, name, other) for other in others} for name in ours if name not in apart
        },
        limit_ratios={
            name: {
                shape: found
                for shape in shapes
                if (found := ratio(STEPS.by_round(measurements, name), best_limit(measurements, shape)))
            }
            for name in ours
        },
        best=highest({name: STEPS.by_round(measurements, name) for name in competing}),
    )


def _figures(measurements: list[Measurement], system: str) -> dict[str, Spread]:
    return {
        metric.name: found for metric in METRICS if (found := spread(metric.by_round(measurements, system))) is not None
    }


def _ratios(measurements: list[Measurement], ours: str, other: str) -> dict[str, Spread]:
    def found(metric: Metric) -> Spread | None:
        return ratio(metric.by_round(measurements, ours), metric.by_round(measurements, other))

    return {metric.name: there for metric in COMPARED if (there := found(metric)) is not None}


def _counts(measurements: list[Measurement]) -> dict[str, dict[Flow, Counts]]:
    found: dict[str, dict[Flow, Counts]] = {}
    for one in measurements:
        if isinstance(one, Counts):
            found.setdefault(one.system, {})[one.flow] = one
    return found
