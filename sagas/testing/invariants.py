"""What must be so of every saga, whatever went wrong: held against its rows, its journal and what was called."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import Any

from sagas.models import Incident, Journal, Run, Saga
from sagas.record.turn import STANCES
from sagas.testing.failure import a_list
from sagas.testing.reading import way_back_order
from sagas.testing.script import Call
from sagas.words.definition import Definition
from sagas.words.lifecycle import SagaState, StepState, leads_to, saga_machine, step_machine, undo_machine
from sagas.words.plan import Undo
from sagas.words.rows import Step
from sagas.words.verdict import Doing

FULL_STOPS = {SagaState.COMPENSATED, SagaState.CANCELLED}


def broken(saga: Saga, table: Definition, calls: Iterable[Call]) -> list[str]:
    """The invariants that do not hold of this saga now, a sentence each; `calls` are those of its functions."""
    runs = list(Run.objects.filter(saga=saga).exclude(kind=Run.Kind.MESSAGE).order_by("id"))
    moves = [move for row in Journal.objects.filter(saga=saga).order_by("rev") for move in row.moves]
    mine = [call for call in calls if call.saga == saga.pk]
    return [
        *_legal(saga, moves),
        *_adds_up(saga, runs, moves),
        *_one_result(moves),
        *_one_key(mine),
        *_all_done(saga, runs),
        *_all_undone(saga, table, runs, mine),
        *_in_order(saga, table, runs, moves),
    ]


def _legal(saga: Saga, moves: list[dict[str, Any]]) -> Iterator[str]:
    """Only arrows that are drawn, and the journal ends where the row is."""
    before = str(SagaState.PENDING)
    for state in [move["saga"] for move in moves if "saga" in move]:
        if state not in leads_to(saga_machine, before):
            yield f"The saga went from {before} to {state}, and no arrow leads there."
        before = state
    if before != saga.state:
        yield f"The journal ends with a saga that is {before}, and its row says {saga.state}."
    last: dict[Any, tuple[str, str]] = {}
    for move in moves:
        if "state" not in move:
            continue
        name, now = (move["step"], move["item"]), (move["state"], move["undo"])
        then = last.get(name, now)
        for machine, old, new in ((step_machine, then[0], now[0]), (undo_machine, then[1], now[1])):
            if new != old and new not in leads_to(machine, old):
                yield f"{move['step']} went from {old} to {new}, and no arrow leads there."
        last[name] = now


def _adds_up(saga: Saga, runs: list[Run], moves: list[dict[str, Any]]) -> Iterator[str]:
    """What is counted on the saga's row is what there is, and the journal, replayed, gives the rows."""
    counted = [sum(run.stance == stance for run in runs) for stance in STANCES]
    if saga.position.get("tally", counted) != counted:
        yield f"The saga counts {saga.position['tally']} of its rows {a_list(STANCES)}, and there are {counted}."
    troubles = Incident.objects.open().filter(saga=saga).count()
    if saga.open_incidents != troubles:
        yield f"The saga counts {saga.open_incidents} open incidents, and there are {troubles}."
    revisions = list(Journal.objects.filter(saga=saga).order_by("rev").values_list("rev", flat=True))
    if revisions != list(range(1, saga.rev + 1)):
        yield f"The saga is at revision {saga.rev}, and its journal has {len(revisions)} rows."
    replayed = {(m["step"], m["item"]): (m["state"], m["undo"]) for m in moves if "state" in m}
    for run in runs:
        known = replayed.get((run.path, run.item), ("due", "none"))
        if known != (run.state, run.undo) and run.state not in (StepState.CANCELLED, StepState.PENDING):
            yield f"The journal leaves {run.path} {known[0]}, undo {known[1]}; its row is {run.state}, undo {run.undo}."


def _one_result(moves: list[dict[str, Any]]) -> Iterator[str]:
    """A step succeeds once for each generation, and is undone once for each round."""
    results: dict[Any, int] = defaultdict(int)
    allowed: dict[Any, int] = defaultdict(lambda: 1)
    for move in moves:
        name = (move.get("step"), move.get("item"), move.get("did"))
        if move.get("did") in ("succeeded", "undone"):
            results[name] += 1
        if move.get("did") == "retried":
            allowed[(*name[:2], "succeeded")] = move.get("generation", 1)
        if move.get("did") == "demanded":
            allowed[(*name[:2], "undone")] = move.get("round", 1)
    for name, number in results.items():
        if number > allowed[name]:
            yield f"{name[0]} {name[2]} {number} times."


def _one_key(calls: list[Call]) -> Iterator[str]:
    """All calls under one key are of one function of one row, with one input."""
    by_key: dict[str, list[Call]] = defaultdict(list)
    for call in calls:
        by_key[f"{call.doing} {call.key}"].append(call)
    for same in by_key.values():
        first = same[0]
        if any((call.path, call.item, call.given) != (first.path, first.item, first.given) for call in same):
            yield f"{first.function} of {first.path} was called under one key with different input."
    keys: dict[Any, set[str]] = defaultdict(set)
    for call in calls:
        if call.doing is Doing.ACTION:
            keys[call.path, call.item].add(call.key)
    for (path, item), found in keys.items():
        if len(found) > Run.objects.get(saga_id=calls[0].saga, path=path, item=item).generation:
            yield f"{path} was called under {len(found)} keys in one generation."


def _all_done(saga: Saga, runs: list[Run]) -> Iterator[str]:
    if saga.state != SagaState.COMPLETED:
        return
    for run in runs:
        if run.undo not in (Undo.NONE, Undo.OWED) and not run.loser:
            yield f"The saga completed, and {run.path} is undone."
        if run.work and not run.loser:
            yield f"The saga completed, and {run.path} is still {run.work}."


def _all_undone(saga: Saga, table: Definition, runs: list[Run], calls: list[Call]) -> Iterator[str]:
    """What landed was undone after it, under the key of its action."""
    wanted = {run.action_key: run for run in runs if saga.state in FULL_STOPS or (run.loser and saga.ended_at)}
    waived = {run.action_key for run in runs if run.undo == Undo.WAIVED}
    owing = {place.path for place in table.walk() if isinstance(place.row, Step) and place.row.owes}
    there: dict[str, str] = {}
    for call in calls:
        if call.landed and call.doing is Doing.ACTION and call.path in owing:
            there[call.action_key] = call.path
        elif call.landed and call.doing is Doing.COMPENSATION:
            there.pop(call.action_key, None)
    for key, path in there.items():
        if key in wanted and key not in waived and not Saga.objects.filter(pk=saga.pk, open_incidents__gt=0).exists():
            yield f"The saga is {saga.state}, and what {path} did is still there."


def _in_order(saga: Saga, table: Definition, runs: list[Run], moves: list[dict[str, Any]]) -> Iterator[str]:
    """Undone in reverse order of start; losers, and what goes on beside a stuck compensation, at any time."""
    if saga.state not in FULL_STOPS or table.on_compensation_stuck == "continue":
        return
    beside = {(run.path, run.item) for run in runs if run.loser or run.undo_round > 1}
    undone = [(m["step"], m["item"]) for m in moves if m.get("did") == "undone"]
    began = {(run.path, run.item): run.seq or 0 for run in runs}
    found = [name for name in undone if name not in beside]
    expected = sorted(found, key=lambda name: -began[name])
    paths, wanted = [path for path, _ in found], [path for path, _ in expected]
    if way_back_order(paths, table) != way_back_order(wanted, table):
        yield f"Undone in the order {a_list(paths)}, and they began so that it must be {a_list(wanted)}."
