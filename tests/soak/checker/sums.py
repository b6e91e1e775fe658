"""A sum: something that must be so, how often it was looked at, and where it was not so."""

from collections.abc import Iterator
from dataclasses import dataclass, field

MOST_TOLD = 20


@dataclass
class Sum:
    """One promise, held against what is written down. One that was never looked at proves nothing."""

    name: str
    looked_at: int = 0
    violations: list[str] = field(default_factory=list)

    def see(self, holds: object, sentence: str) -> None:
        """Look at one case; `sentence` says what is wrong with it, if it does not hold."""
        self.looked_at += 1
        if not holds:
            self.violations.append(sentence)

    @property
    def holds(self) -> bool:
        return not self.violations

    def __str__(self) -> str:
        if self.holds:
            return f"{self.name}: {self.looked_at} looked at"
        more = f" (and {len(self.violations) - MOST_TOLD} more)" if len(self.violations) > MOST_TOLD else ""
        return f"{self.name}: {len(self.violations)} of {self.looked_at} WRONG{more}"


class Sums:
    """All of them, by name, in the order in which they were first asked for."""

    def __init__(self) -> None:
        self._sums: dict[str, Sum] = {}

    def __getitem__(self, name: str) -> Sum:
        return self._sums.setdefault(name, Sum(name))

    def __iter__(self) -> Iterator[Sum]:
        return iter(self._sums.values())

    @property
    def violations(self) -> list[str]:
        """Every violation, with the name of what it violates."""
        return [f"{each.name}: {sentence}" for each in self for sentence in each.violations]
