"""One measurement, as it goes into the JSON file. It `is_whole` when nothing is missing of what it must have found."""

from dataclasses import dataclass, field
from statistics import quantiles

from benchmarks.work import Flow


@dataclass(frozen=True, kw_only=True)
class Burst:
    """Many sagas at once: `seconds` from the first one's begin until the last had ended."""

    system: str
    round: int
    flow: Flow
    sagas: int
    confirmed: int
    """How many of them were read back with nothing missing."""
    seconds: float
    processor: float
    """Processor seconds of all processes: workers, driver, database, broker, server."""
    others: float
    """Processor seconds that anything else on the machine used meanwhile: what others do makes all figures smaller."""
    memory: int
    """Bytes that all these processes hold at the end."""

    @property
    def is_whole(self) -> bool:
        return self.confirmed == self.sagas

    @property
    def rate(self) -> float | None:
        """Sagas a second; None when a result is missing, since a faster loss is no speed."""
        return self.sagas / self.seconds if self.is_whole else None

    @property
    def step_rate(self) -> float | None:
        """Steps and compensations a second."""
        return None if self.rate is None else self.rate * self.flow.steps

    @property
    def disturbance(self) -> float:
        """What part of the processor time that was spent meanwhile others spent."""
        return self.others / max(self.processor + self.others, 0.01)

    @property
    def processor_per_step(self) -> float | None:
        """Processor seconds for each step or compensation."""
        return None if self.rate is None else self.processor / (self.sagas * self.flow.steps)


@dataclass(frozen=True, kw_only=True)
class Singles:
    """One saga at a time: `latencies` in seconds, from its begin until its outcome was known to who began it."""

    system: str
    round: int
    flow: Flow
    confirmed: int
    latencies: list[float] = field(repr=False)

    @property
    def is_whole(self) -> bool:
        return self.confirmed == len(self.latencies)

    def percentile(self, nth: int) -> float | None:
        """The latency that `nth` in a hundred do not exceed; None when a result is missing."""
        if not self.is_whole or len(self.latencies) < 2:
            return None
        return quantiles(self.latencies, n=100, method="inclusive")[nth - 1]


@dataclass(frozen=True, kw_only=True)
class Limit:
    """What the database alone can do: `steps` transactions that write what one step writes."""

    system: str
    round: int
    shape: str
    clients: int
    steps: int
    confirmed: int
    """How many of them were found in the tables."""
    seconds: float
    processor: float

    @property
    def is_whole(self) -> bool:
        return self.confirmed == self.steps

    @property
    def step_rate(self) -> float | None:
        return self.steps / self.seconds if self.is_whole else None


@dataclass(frozen=True, kw_only=True)
class Counts:
    """What one step costs the database, from a run of its own on a server that counts."""

    system: str
    flow: Flow
    statements: float
    """Without BEGIN, COMMIT and SET."""
    transactions: float
    flushes: float
    """Of the write-ahead log to the disk: group commit may serve several transactions with one."""
    is_whole = True


@dataclass(frozen=True, kw_only=True)
class Failure:
    """A measurement that did not come about, and why."""

    system: str
    round: int
    what: str
    reason: str
    is_whole = False


Measurement = Burst | Singles | Limit | Counts | Failure
