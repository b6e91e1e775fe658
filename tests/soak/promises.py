"""What the product answered: each 2xx is a promise that the checker holds it to."""

import threading
from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime


@dataclass(kw_only=True)
class Start:
    """A saga that was asked for under an idempotency key, once or several times."""

    key: str
    shape: str
    fails: str
    at: datetime
    seconds: float
    """How long the first answer took, or its absence was endured."""
    first: int
    """The status of the first answer; 0 for none."""
    asked: int = 1
    saga: str = ""
    sagas: set[str] = field(default_factory=set)
    """Every id that was answered under the key."""


@dataclass(frozen=True, kw_only=True)
class Told:
    """A signal: `accepted` for a 202, `late` for a saga that had ended."""

    saga: str
    id: str
    status: int
    code: str


@dataclass(frozen=True, kw_only=True)
class Deed:
    """One request of a person for one verb, under a reason of its own; status 0 for no answer.

    `saga` is "" where the verb is about a participant.
    """

    verb: str
    saga: str
    reason: str
    status: int
    code: str


class Promises:
    """All of them, written by many threads."""

    def __init__(self) -> None:
        self._writing = threading.Lock()
        self.starts: list[Start] = []
        self.told: list[Told] = []
        self.deeds: list[Deed] = []
        self.refused: list[str] = []

    def refuse(self, sentence: str) -> None:
        """A start that should have been accepted was not."""
        with self._writing:
            self.refused.append(sentence)

    def started(self, start: Start) -> None:
        with self._writing:
            self.starts.append(start)

    def tell(self, told: Told) -> None:
        with self._writing:
            self.told.append(told)

    def did(self, deed: Deed) -> None:
        with self._writing:
            self.deeds.append(deed)

    @property
    def shapes(self) -> Counter[str]:
        """How many of each were started."""
        return Counter(start.shape for start in self.starts)

    @property
    def ids(self) -> set[str]:
        """The sagas that were promised."""
        return {start.saga for start in self.starts}
