"""What the person at the terminal sees: a bar while the run lasts, a line for each measurement, tables at the end."""

from types import TracebackType

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from benchmarks.measurement import Burst, Counts, Failure, Limit, Measurement

DISTURBED = 0.15
"""From this part of the processor time on, what others use is told."""


class Screen:
    """Watches a run. Use it as a context manager."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TimeRemainingColumn(),
            console=console,
        )
        self._task = self._progress.add_task("starting", total=None)

    def __enter__(self) -> "Screen":
        self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._progress.stop()

    def expects(self, parts: int) -> None:
        self._progress.update(self._task, total=parts)

    def begins(self, what: str) -> None:
        self._progress.update(self._task, description=what)

    def has(self, measurement: Measurement) -> None:
        self._console.print(line(measurement), highlight=False)
        if not isinstance(measurement, Counts | Failure):
            self._progress.advance(self._task)

    def skips(self, parts: int) -> None:
        self._progress.advance(self._task, parts)


def line(measurement: Measurement) -> str:
    """One measurement in a line."""
    match measurement:
        case Failure():
            return f"{measurement.system}: {measurement.what}: {measurement.reason}"
        case Counts():
            return (
                f"{measurement.system}, {measurement.flow}: {measurement.statements:.2f} statements,"
                f" {measurement.transactions:.2f} transactions, {measurement.flushes:.2f} flushes a step"
            )
        case Limit():
            rate = "no rate" if measurement.step_rate is None else f"{measurement.step_rate:,.0f} steps/s"
            return f"round {measurement.round}, limit: {measurement.shape}, {measurement.clients} clients: {rate}"
        case Burst():
            told = f"round {measurement.round}, {measurement.system}: {measurement.sagas:,} sagas, {measurement.flow}: "
            if measurement.rate is None:
                return told + f"no rate, {measurement.sagas - measurement.confirmed:,} are incomplete"
            told += f"{measurement.rate:,.0f} sagas/s, {measurement.step_rate:,.0f} steps/s"
            return told + (
                f", disturbed ({measurement.disturbance:.0%})" if measurement.disturbance > DISTURBED else ""
            )
        case _:
            half, tail = measurement.percentile(50), measurement.percentile(99)
            told = f"round {measurement.round}, {measurement.system}: one at a time: "
            if half is None or tail is None:
                return told + "no latency, a result is missing"
            return told + f"p50 {half * 1000:.1f} ms, p99 {tail * 1000:.1f} ms"
