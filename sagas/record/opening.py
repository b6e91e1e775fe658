"""How rows begin: a saga's first, the next one, the one whose functions were asked."""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from itertools import groupby
from typing import Any

from sagas.conf import conf
from sagas.models import Run, Saga
from sagas.record import children
from sagas.record.locked import Locked
from sagas.record.turn import FAR, Turn
from sagas.record.waiting import take_signal
from sagas.words.definition import Definition
from sagas.words.lifecycle import SagaState, StepState
from sagas.words.plan import Begin, Do, Event, begin
from sagas.words.rows import Approval, Child, Each, Parallel, Sleep, Step, Wait
from sagas.words.verdict import Doing

CHUNK = 500


def begin_saga(t: Turn, table: Definition) -> None:
    """The first rows begin, at once or when the saga's `start_at` has come; the deadline counts from then."""
    saga = t.saga
    later = saga.start_at if saga.start_at and saga.start_at > t.now else None
    saga.deadline_at = (later or t.now) + table.deadline if table.deadline else None
    t.position, moves = begin(table)
    if later is None:
        t.become(SagaState.RUNNING)
    for move in moves:
        if isinstance(move, Do):
            begin_rows(t, move.rows, later)


def begin_rows(t: Turn, rows: Iterable[Begin], later: datetime | None = None) -> None:
    """Rows begin: a step is due, a wait waits; one with functions to ask asks them first, as does one that is to begin
    later."""
    rows = list(rows)
    items = _items(t, rows)
    for beginning in rows:
        row = t.definition.places[beginning.path].row
        run = items.get(beginning) or t.open(beginning.path)
        if (later is not None and not isinstance(row, Step)) or row.asks:
            run.doing = Doing.DECISION
        elif not isinstance(row, Step):
            park(t, run, {})
            continue
        if later is not None:
            run.at, run.rung_at = later, None
        t.move(run, "opened")


def _items(t: Turn, rows: Iterable[Begin]) -> dict[Begin, Run]:
    """Items of a list have their runs since it was listed; they are due now."""
    begun: dict[Begin, Run] = {}
    of_lists = [beginning for beginning in rows if _is_item(t.definition, beginning.path)]
    for path, group in groupby(of_lists, key=lambda beginning: beginning.path):
        numbers = [beginning.item for beginning in group]
        for run in t.items(path, numbers):
            t.due(run, Doing.ACTION)
            t.move(run, "begun", step=StepState.DUE)
            begun[Begin(path=path, item=run.item)] = run
        if missing := {*numbers} - {beginning.item for beginning in begun if beginning.path == path}:
            raise LookupError(f"{path} has no item {min(missing)}.")
    return begun


def _is_item(definition: Definition, path: str) -> bool:
    groups = definition.places[path].groups
    return bool(groups) and isinstance(definition.places[groups[-1]].row, Each)


def enter(t: Turn, run: Run, answer: Mapping[str, Any]) -> tuple[Event | None, int]:
    """The row's functions were asked and it is taken: it begins. What that is to the plan, and the number of items."""
    row = t.row(run)
    if isinstance(row, Step):
        run.tries = 0
        t.due(run, Doing.ACTION)
        t.move(run, "taken", step=StepState.DUE)
        return None, 0
    if isinstance(row, Parallel | Each):
        t.rest(run)
        t.move(run, "opened", step=StepState.WAITING)
        items = answer.get("items", [])
        if isinstance(row, Each):
            _list(t, row, items)
        return Event.ENTERED, len(items)
    park(t, run, answer)
    return None, 0


def _list(t: Turn, row: Each, items: list[Any]) -> None:
    """A run for each item, in few statements; they begin as the row's `concurrency` lets them."""
    t.flush()
    common = {"saga_id": t.saga.pk, "path": row.step.name, "queue": row.queue, "priority": t.saga.priority}
    runs = [
        Run(**common, item=number, given=item, state=StepState.PENDING.value, input_rev=t.saga.input_rev)
        for number, item in enumerate(items)
    ]
    Run.objects.bulk_create(runs, batch_size=CHUNK)
    t.moves.append({"step": row.name, "did": "listed", "items": len(items)})


def park(t: Turn, run: Run, answer: Mapping[str, Any]) -> None:
    """A row that does nothing itself waits, for what it waits for or for its time."""
    row = t.row(run)
    if isinstance(row, Wait | Approval):
        run.given = None
    match row:
        case Wait(timeout=timeout):
            t.wait(run, t.latest + timeout if timeout else FAR)
            t.move(run, "waits", step=StepState.WAITING)
            take_signal(t, run)
        case Approval(timeout=timeout):
            ends_at = t.latest + timeout if timeout else FAR
            t.wait(run, t.now if conf().tell else ends_at, ends_at=ends_at)
            t.move(run, "waits", step=StepState.WAITING)
        case Sleep(duration=timedelta() as duration):
            t.wait(run, t.latest + duration)
            t.move(run, "sleeps", step=StepState.WAITING)
        case Sleep(until=until):
            at = datetime.fromisoformat(answer["until"]) if "until" in answer else until
            t.wait(run, max(at, t.now) if isinstance(at, datetime) else t.now, relative=False)
            t.move(run, "sleeps", step=StepState.WAITING)
        case Child():
            child = new_child(t, run, row, answer)
            t.wait(run, FAR)
            t.move(run, "waits", step=StepState.WAITING, about={"child": str(child.pk)})
        case _:
            raise AssertionError(f"a {row.kind} does not wait")


def new_child(t: Turn, run: Run, row: Child, answer: Mapping[str, Any]) -> Saga:
    """The saga that belongs to this row, begun in the transaction that opens it."""
    table, parent = row.definition, t.saga
    children.own(t, run, row)
    t.flush()
    saga = Saga(
        tenant=parent.tenant,
        definition=table.name,
        version=table.version,
        fingerprint=table.fingerprint,
        input=answer.get("input"),
        labels=parent.labels,
        priority=parent.priority,
        traceparent=parent.traceparent,
        started_by=parent.started_by,
        parent_id=run.pk,
        depth=parent.depth + 1,
        created_at=t.now,
        updated_at=t.now,
        paused_at=t.now if parent.paused_at else None,
        paused_by=parent.paused_by,
        paused_why=parent.paused_why,
    )
    born = Locked(saga, t.actor, t.now)
    begin_saga(born, table)
    born.insert()
    t.born.append(born)
    return saga
