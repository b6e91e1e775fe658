"""What stands in the place of a result that there is not."""

from enum import Enum


class Missing(Enum):
    """Compare with `is`: `if ctx.results["payment_settled"] is TIMED_OUT`."""

    TIMED_OUT = "timed_out"
    """A wait or an approval that went on without an answer."""
    FAILED = "failed"
    """An item of an `each` that failed, where some may."""
    UNCHANGED = "unchanged"
    """An argument that was not given."""

    def __repr__(self) -> str:
        return self.name


TIMED_OUT = Missing.TIMED_OUT
FAILED = Missing.FAILED
UNCHANGED = Missing.UNCHANGED
