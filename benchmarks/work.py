"""The work that every system does: an order of five steps, all well or with the fourth refused.

Needs nothing but the standard library: the programs of all systems import it, each in an environment of its own.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

STEPS = ("check_user", "lock_stock", "charge", "ship", "confirm")
REFUSED_STEP = "ship"
UNDONE = ("charge", "lock_stock", "check_user")
"""The compensations in their order, once the fourth step has refused."""


class Flow(StrEnum):
    WELL = "well"
    """Five steps that each return a small document."""
    REFUSED = "refused"
    """The fourth step refuses, and the three before it are compensated."""

    @property
    def steps(self) -> int:
        """How many steps and compensations one saga runs; the refused step counts, since its refusal is recorded."""
        return len(STEPS) if self is Flow.WELL else STEPS.index(REFUSED_STEP) + 1 + len(UNDONE)


@dataclass(frozen=True)
class Seen:
    """What was read back of one saga: its steps' results, which step refused, what was compensated, in order."""

    results: Mapping[str, Any]
    refused: str | None = None
    undone: Sequence[str] = field(default=())


def result(step: str, order: int) -> dict[str, Any]:
    """What a step of the order returns."""
    return {"step": step, "order": order}


def is_complete(flow: Flow, order: int, seen: Seen) -> bool:
    """Whether nothing is missing of what this order must have left behind."""
    done = STEPS if flow is Flow.WELL else STEPS[: STEPS.index(REFUSED_STEP)]
    if seen.results != {step: result(step, order) for step in done}:
        return False
    if flow is Flow.WELL:
        return seen.refused is None and not seen.undone
    return seen.refused == REFUSED_STEP and tuple(seen.undone) == UNDONE
