"""How full the tables are."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Size:
    ended: int = 0
    waiting: int = 0

    @property
    def name(self) -> str:
        """As people say it, and short."""
        if self == EMPTY:
            return "nearly empty"
        waiting = f" + {_short(self.waiting)} waiting" if self.waiting else ""
        return f"{_short(self.ended)} ended{waiting}"

    @property
    def database(self) -> str:
        return f"growth_{self.ended}_{self.waiting}"

    @property
    def sagas(self) -> int:
        return self.ended + self.waiting


def _short(number: int) -> str:
    for unit, letter in ((1_000_000, "M"), (1000, "k")):
        if number >= unit:
            return f"{number / unit:g} {letter}"
    return str(number)


EMPTY = Size(ended=2000, waiting=200)
"""What all ratios are to. With less than this, lists would be shorter than a page, and quicker for that alone."""
FULL = (EMPTY, Size(ended=10_000), Size(ended=100_000), Size(ended=1_000_000, waiting=100_000))
QUICK = (EMPTY, Size(ended=10_000, waiting=5000))
