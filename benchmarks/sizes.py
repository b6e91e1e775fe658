"""How much of everything a run of the benchmark measures."""

from dataclasses import dataclass, replace

from benchmarks.work import Flow


@dataclass(frozen=True, kw_only=True)
class Sizes:
    rounds: int = 3
    sagas: int = 2000
    """Begun at once; a slow system may take fewer, see `at_most`."""
    singles: int = 200
    """Begun one at a time."""
    warm: int = 50
    """Of each flow, before anything is measured."""
    limit_seconds: int = 3
    """For each number of clients and each shape of the limit."""
    clients: tuple[int, ...] = (1, 2, 4, 8, 16)
    counted: int = 200
    """For the counts of statements and commits …"""
    flows_counted: tuple[Flow, ...] = tuple(Flow)
    """… in these flows."""

    def at_most(self, sagas: int) -> "Sizes":
        """The same with fewer sagas at once, for a system whose rate would make the full number take an age."""
        return replace(self, sagas=min(self.sagas, sagas), singles=min(self.singles, sagas // 4))


FULL = Sizes()
QUICK = Sizes(
    sagas=300, singles=100, warm=20, limit_seconds=1, clients=(4, 16), counted=100, flows_counted=(Flow.WELL,)
)
