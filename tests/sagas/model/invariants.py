"""What must be so at the end of a run, whatever the way there was: read off the rows and the history alone."""

from sagas.words.definition import Definition
from sagas.words.outcome import Succeeded
from sagas.words.verdict import Doing
from tests.sagas.model.memory import NO, Memory, Row
from tests.sagas.model.story import Fact

UNDONE = ("done", "waived")


def check_at_rest(saga: Memory) -> None:
    """A live saga that is not paused has something at work, something it waits for, or a person who was asked."""
    alive = any(row.work for row in saga.rows.values())
    assert saga.ended or saga.paused or alive or saga.incidents, "nothing moves, and no person is asked"


def check_the_end(saga: Memory, history: list[Fact]) -> None:
    """Called at the end itself: what is heard later is an incident of an ended saga."""
    for row in saga.rows.values():
        assert row.work is None, f"{row.name} is {row.work}, and the saga has ended"
        assert not row.held, f"{row.name} is held, and the saga is {saga.state}"
        _check_what_is_left(saga, row)
    left = {incident for incident in saga.incidents if incident[2] != "late"}
    assert not left, f"the saga is {saga.state}, and {left} are open"
    turned = any(fact.kind == "turned back" for fact in history)
    assert not (saga.committed and turned), "it turned back, and its pivot had succeeded"
    check_the_order(saga.definition, saga.rows, history)
    check_the_keys(history)


def _check_what_is_left(saga: Memory, row: Row) -> None:
    if saga.state == "completed" and not row.loser:
        assert row.undo in ("none", "owed"), f"completed, and {row.name} was undone"
    if saga.state == "completed" and not saga.is_group(row):
        passed = row.state in ("succeeded", "skipped", "timed_out")
        assert passed or row.loser or row.state == "cancelled", f"completed, and {row.name} is {row.state}"
    if saga.state != "completed" or row.loser:
        assert row.undo == "none" or row.happened == NO or row.undo in UNDONE, f"{row.name} is not undone"
        assert row.undo in ("none", "unneeded", *UNDONE), f"{row.name} is {row.undo} at the end"
        assert not row.undo_again or row.undo == "waived", f"{row.name} landed late, and is not undone once more"


def check_the_order(definition: Definition, rows: dict[str, Row], history: list[Fact]) -> None:
    """Undone in reverse order of start, nothing while a later one runs; but for what came late, what did not count,
    what a person had to look at, and groups that are undone side by side."""
    late = {fact.row for fact in history if fact.kind in ("late", "dropped", "retried", "waived", "resolved", "stuck")}
    if definition.on_compensation_stuck == "continue" or any(fact.kind == "undone by parent" for fact in history):
        return
    running: set[str] = set()
    undone: list[int] = []
    for fact in history:
        forward = fact.doing in (Doing.ACTION, Doing.PROBE)
        if forward and fact.kind in ("claimed", "came to"):
            (running.add if fact.kind == "claimed" else running.discard)(fact.row)
        if fact.kind == "demanded" and fact.number == 1 and fact.row not in late and not rows[fact.row].loser:
            mine = rows[fact.row].seq or 0
            still = [name for name in running if (rows[name].seq or 0) >= mine]
            assert not still, f"{fact.row} is undone while {still} still run"
            if not _side_by_side(definition, rows[fact.row]):
                undone.append(mine)
    assert undone == sorted(undone, reverse=True), f"undone in the order {undone} of their starts"


def _side_by_side(definition: Definition, row: Row) -> bool:
    groups = definition.places[row.path].groups
    return bool(groups) and definition.places[groups[0]].group.compensate == "parallel"


def check_the_keys(history: list[Fact]) -> None:
    """No compensation is tried again under a key under which it was done; none of what never began."""
    key: dict[str, int] = {}
    done: set[tuple[str, int]] = set()
    begun: set[str] = set()
    for fact in history:
        if fact.kind in ("claimed", "came to") and fact.doing is not Doing.COMPENSATION:
            begun.add(fact.row)
        if fact.kind == "demanded":
            assert fact.row in begun, f"{fact.row} is undone and never began"
            key[fact.row] = fact.number
        if fact.doing is Doing.COMPENSATION and fact.kind == "claimed":
            assert (fact.row, key[fact.row]) not in done, f"{fact.row} is undone twice under one key"
        if fact.doing is Doing.COMPENSATION and fact.kind == "came to" and isinstance(fact.outcome, Succeeded):
            done.add((fact.row, key[fact.row]))
