"""The arrows of the three machines: exactly those of the contract."""

import gc
import weakref
from dataclasses import dataclass

import pytest
from transitions import Machine

from sagas.words.lifecycle import (
    ENDS,
    MachineError,
    SagaState,
    StepState,
    fire,
    leads_to,
    saga_machine,
    step_machine,
    undo_machine,
)
from sagas.words.plan import Undo

SAGA = {
    "pending → running, cancelled",
    "running → waiting, stuck, completed, compensating",
    "waiting → running, stuck, completed, compensating, failed",
    "stuck → running, waiting, completed, compensating, compensated, cancelled, failed",
    "compensating → stuck, compensated, cancelled, failed",
    "failed → running, compensating",
    "completed → compensating",
}
STEP = {
    "pending → due, cancelled",  # an item of a list that has not begun
    "due → running, cancelled, unknown",
    "due → waiting",  # a row whose functions were asked: it begins to wait
    "due → skipped, failed",  # its functions say that it is not taken, or abort
    "running → succeeded, failed, unknown, due",
    "waiting → succeeded, failed, timed_out, cancelled",
    "waiting → skipped",  # by a person, because what came was refused
    "failed → due, succeeded, skipped",
    "unknown → due, succeeded, skipped, failed",  # failed: it was asked after, and is known not to have landed
    "timed_out → due, succeeded, skipped",  # by a person who was to look at it
}
UNDO = {
    "none → owed",
    "owed → due, unneeded",
    "due → running",
    "running → done, due, stuck",
    "stuck → due, waived",
    "done → due",
    "unneeded → due",
}
MACHINES = [(saga_machine, SAGA, SagaState), (step_machine, STEP, StepState), (undo_machine, UNDO, Undo)]


@dataclass
class Row:
    state: str = "pending"
    undo: str = "none"


def arrows(drawn: set[str]) -> set[tuple[str, str]]:
    pairs = (line.split(" → ") for line in drawn)
    return {(source, target) for source, targets in pairs for target in targets.split(", ")}


@pytest.mark.parametrize(("machine", "drawn", "states"), MACHINES, ids=["saga", "step", "undo"])
def test_exactly_the_arrows_of_the_contract_are_drawn(machine: Machine, drawn: set[str], states: type) -> None:
    names = [str(state) for state in states]
    for source in names:
        for target in names:
            row = Row(**{machine.model_attribute: source})
            if source == target or (source, target) in arrows(drawn):
                fire(machine, row, target)
                assert getattr(row, machine.model_attribute) == target
            else:
                with pytest.raises(MachineError):
                    fire(machine, row, target)
                assert getattr(row, machine.model_attribute) == source


@pytest.mark.parametrize(("machine", "drawn", "states"), MACHINES, ids=["saga", "step", "undo"])
def test_every_state_says_where_it_leads_to(machine: Machine, drawn: set[str], states: type) -> None:
    for state in states:
        assert leads_to(machine, state) == sorted(target for source, target in arrows(drawn) if source == state)


def test_an_end_is_left_only_by_a_retry_or_by_a_parent() -> None:
    left = {str(end): leads_to(saga_machine, end) for end in ENDS}
    assert left == {
        "completed": ["compensating"],
        "compensated": [],
        "cancelled": [],
        "failed": ["compensating", "running"],
    }


def test_firing_moves_the_machine_own_column_alone() -> None:
    row = Row(state="running", undo="owed")
    fire(undo_machine, row, "due")
    assert (row.state, row.undo) == ("running", "due")


def test_a_row_that_was_fired_is_not_kept_alive() -> None:
    row = Row()
    fire(saga_machine, row, "running")
    fire(undo_machine, row, "owed")
    there = weakref.ref(row)
    del row
    gc.collect()
    assert there() is None


def test_rows_of_one_machine_do_not_share_their_state() -> None:
    first, second = Row(), Row()
    fire(saga_machine, first, "running")
    assert second.state == "pending"


def test_no_arrow_leads_to_a_state_that_is_not_there() -> None:
    with pytest.raises(MachineError, match="No arrow leads to 'lost'"):
        fire(saga_machine, Row(), "lost")
