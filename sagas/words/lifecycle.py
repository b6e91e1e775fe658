"""The state machines of a saga and of a step, built once with the `transitions` library.

A machine is a guard: it holds no row. `fire(machine, row, state)` moves a row along an arrow that is drawn, or
raises `MachineError`. States are plain strings, as the database returns them. Rows are fired under the saga's lock
only, by `turn`.
"""

import logging
from collections.abc import Iterable
from enum import StrEnum
from typing import Any

from transitions import Machine, MachineError

logging.getLogger("transitions").setLevel(logging.WARNING)  # it tells of every arrow, several times

__all__ = ["MachineError", "SagaState", "StepState", "fire", "leads_to", "saga_machine", "step_machine", "undo_machine"]


class SagaState(StrEnum):
    PENDING = "pending"
    RUNNING = "running"
    WAITING = "waiting"
    STUCK = "stuck"
    COMPENSATING = "compensating"
    COMPLETED = "completed"
    COMPENSATED = "compensated"
    CANCELLED = "cancelled"
    FAILED = "failed"


class StepState(StrEnum):
    PENDING = "pending"
    DUE = "due"
    RUNNING = "running"
    WAITING = "waiting"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    UNKNOWN = "unknown"
    TIMED_OUT = "timed_out"
    SKIPPED = "skipped"
    CANCELLED = "cancelled"


ENDS = frozenset({SagaState.COMPLETED, SagaState.COMPENSATED, SagaState.CANCELLED, SagaState.FAILED})

SAGA = {
    "pending": "running cancelled",
    "running": "waiting stuck completed compensating",
    "waiting": "running stuck completed compensating failed",
    "stuck": "running waiting completed compensating compensated cancelled failed",
    "compensating": "stuck compensated cancelled failed",
    "failed": "running compensating",
    "completed": "compensating",
    "compensated": "",
    "cancelled": "",
}
STEP = {
    "due": "running waiting skipped failed cancelled unknown",
    "pending": "due cancelled",
    "running": "succeeded failed unknown due",
    "waiting": "succeeded failed timed_out skipped cancelled",
    "failed": "due succeeded skipped",
    "unknown": "due succeeded skipped failed",
    "timed_out": "due succeeded skipped",
    "succeeded": "",
    "skipped": "",
    "cancelled": "",
}
UNDO = {
    "none": "owed",
    "owed": "due unneeded",
    "due": "running",
    "running": "done due stuck",
    "stuck": "due waived",
    "done": "due",
    "unneeded": "due",
    "waived": "",
}


def _build(arrows: dict[str, str], attribute: str) -> Machine:
    drawn = [
        {"trigger": f"to_{target}", "source": source, "dest": target}
        for source, targets in arrows.items()
        for target in targets.split()
    ]
    return Machine(
        model=None,
        states=list(arrows),
        transitions=drawn,
        initial=next(iter(arrows)),
        auto_transitions=False,
        send_event=True,
        queued=False,
        model_attribute=attribute,
    )


saga_machine = _build(SAGA, "state")
step_machine = _build(STEP, "state")
undo_machine = _build(UNDO, "undo")


def fire(machine: Machine, row: Any, state: str) -> None:
    """Move a row to a state along a drawn arrow; staying where it is needs none.

    The machine is asked for its arrow, and then the state is set: its own `trigger` is seventy calls for callbacks that
    no machine here has, thrice a step. Where no arrow is drawn, it refuses.
    """
    attribute = machine.model_attribute
    here = getattr(row, attribute)
    if here == state:
        return
    event = machine.events.get(f"to_{state}")
    if event is None:
        raise MachineError(f"No arrow leads to {state!r}.")
    if here in event.transitions:
        setattr(row, attribute, str(state))
    else:
        event.trigger(row)


def leads_to(machine: Machine, state: str) -> Iterable[str]:
    """The states that an arrow leads to from this one."""
    return sorted({str(t.dest) for event in machine.events.values() for t in event.transitions.get(state, [])})
