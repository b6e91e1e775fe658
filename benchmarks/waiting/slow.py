"""The slow participant, as the benchmark holds it."""

import sys
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import httpx

from tests.harness.processes import Process, free_port
from tests.harness.product import REPOSITORY
from tests.harness.waiting import wait_until


@dataclass(frozen=True, kw_only=True)
class Seen:
    """What the participant saw: how many calls were inside, at most, and each key's visits (came, left) in seconds."""

    inside: int
    most: int
    visits: dict[str, list[tuple[float, ...]]]

    @property
    def repeated(self) -> dict[str, int]:
        """The keys that came more than once, and how often."""
        return {key: len(visits) for key, visits in self.visits.items() if len(visits) > 1}

    @property
    def answered(self) -> int:
        """How many visits have ended."""
        return sum(len(visit) == 2 for visits in self.visits.values() for visit in visits)

    @property
    def span(self) -> float:
        """Seconds from the first to come to the last to leave."""
        times = [time for visits in self.visits.values() for visit in visits for time in visit]
        return max(times) - min(times) if times else 0.0

    @property
    def mean(self) -> float:
        """How many were inside on average, over the span."""
        ended = (visit for visits in self.visits.values() for visit in visits if len(visit) == 2)
        return sum(left - came for came, left in ended) / self.span if self.span else 0.0


class Slow:
    """Use it as a context manager: a process of its own, ended on the way out."""

    def __init__(self, log: Path) -> None:
        port = free_port()
        self.url = f"http://127.0.0.1:{port}"
        self._log, self._port = log, port
        self._http = httpx.Client(base_url=self.url, timeout=30, trust_env=False)

    def __enter__(self) -> Self:
        command = [sys.executable, "-m", "benchmarks.waiting.participant", str(self._port)]
        self._process = Process("participant", command, log=self._log, working_folder=REPOSITORY)
        wait_until(lambda: self.seen(), "the participant answers", timedelta(seconds=60))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._http.close()
        self._process.kill()

    def expect(self, *, pause: timedelta, gate: int = 0) -> None:
        """Forget everything; answer after the pause, or, with a gate, nobody until it is lifted."""
        self._ask("POST", "/expect", {"pause": pause.total_seconds(), "gate": gate})

    def lift(self) -> None:
        """Open the gate: answer all that wait, and from now on everybody after the pause."""
        self._ask("POST", "/lift")

    def hurry(self, pause: timedelta) -> None:
        """Answer whoever comes from now on after another pause; nothing is forgotten."""
        self._ask("POST", "/hurry", {"pause": pause.total_seconds()})

    def seen(self) -> Seen:
        return Seen(**self._ask("GET", "/seen"))

    def _ask(self, method: str, path: str, body: Any = None) -> Any:
        return self._http.request(method, path, json=body).raise_for_status().json()
