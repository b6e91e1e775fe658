"""What must be so of each saga's history, whatever went wrong around it."""

from collections import Counter
from typing import Any

from tests.soak.checker.record import UNDONE, Run, Story
from tests.soak.checker.sums import Sums

# The arrows of the contract, written down once more.
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
FORWARD = {
    "pending": "due cancelled",
    "due": "running waiting skipped failed cancelled unknown",
    "running": "succeeded failed unknown due",
    "waiting": "succeeded failed timed_out skipped cancelled",
    "failed": "due succeeded skipped",
    "unknown": "due succeeded skipped failed",
    "timed_out": "due succeeded skipped",
    "succeeded": "",
    "skipped": "",
    "cancelled": "",
}
BACK = {
    "none": "owed",
    "owed": "due unneeded",
    "due": "running",
    "running": "done due stuck",
    "stuck": "due waived",
    "done": "due",
    "unneeded": "due",
    "waived": "",
}
BEGINS = ("claimed", "asked", "decides")


def check(story: Story, sums: Sums) -> None:
    """Hold one saga to all of it."""
    _revisions(story, sums)
    _arrows_of_the_saga(story, sums)
    _arrows_of_rows(story, sums)
    _tokens(story, sums)
    _one_result(story, sums)
    _one_end(story, sums)
    match story.saga.state:
        case "completed":
            _all_done(story, sums)
        case state if state in UNDONE:
            _all_undone(story, sums)
            _in_reverse(story, sums)


def _revisions(story: Story, sums: Sums) -> None:
    """A journal row for each revision, and none is missing."""
    revs = [entry.rev for entry in story.journal]
    whole = revs == list(range(1, story.saga.rev + 1))
    sums["each revision is in the journal once"].see(
        whole, f"saga {story.saga.id} is at revision {story.saga.rev}, and its journal has {len(revs)}: {revs[-3:]}"
    )


def _arrows_of_the_saga(story: Story, sums: Sums) -> None:
    legal, before = sums["only legal moves of sagas"], "pending"
    for state in (move["saga"] for move in story.moves if "saga" in move):
        legal.see(state in SAGA[before].split(), f"saga {story.saga.id} went from {before} to {state}")
        before = state
    sums["the journal ends where the row is"].see(
        before == story.saga.state, f"saga {story.saga.id} is {story.saga.state}, and its journal ends with {before}"
    )


def _arrows_of_rows(story: Story, sums: Sums) -> None:
    legal, last = sums["only legal moves of steps"], dict[Any, tuple[str, str]]()
    for move in (move for move in story.moves if "state" in move):
        name, now = (move["step"], move["item"]), (move["state"], move["undo"])
        then = last.get(name, now)
        for arrows, old, new in ((FORWARD, then[0], now[0]), (BACK, then[1], now[1])):
            holds = old == new or new in arrows[old].split()
            legal.see(holds, f"saga {story.saga.id}, {move['step']}[{move['item']}] went from {old} to {new}")
        last[name] = now
    for run in story.runs:
        state, undo = last.get((run.path, run.item), (run.state, run.undo))
        same = (state, undo) == (run.state, run.undo) or (state, run.state) == ("pending", "cancelled")
        sums["the journal ends where the row is"].see(
            same, f"saga {story.saga.id}, {run.path}[{run.item}] is {run.state}/{run.undo}, its journal {state}/{undo}"
        )


def _tokens(story: Story, sums: Sums) -> None:
    """They only grow, and each attempt has one of its own."""
    grow, highest = sums["tokens only grow"], Counter[tuple[str, int]]()
    begun = Counter[tuple[str, int, int]]()
    for move in (move for move in story.moves if "fence" in move):
        name = (move["step"], move["item"])
        where = f"saga {story.saga.id}, {move['step']}[{move['item']}]"
        grow.see(move["fence"] >= highest[name], f"{where} had the token {highest[name]}, then {move['fence']}")
        highest[name] = max(highest[name], move["fence"])
        if move["did"] in BEGINS:
            begun[*name, move["fence"]] += 1
            grow.see(begun[*name, move["fence"]] == 1, f"{where} began twice under the token {move['fence']}")


def _one_result(story: Story, sums: Sums) -> None:
    """One recorded result for each step, direction and generation."""
    results = Counter[tuple[str, int, str]]()
    for move in story.moves:
        if move.get("did") in ("succeeded", "undone"):
            results[move["step"], move["item"], move["did"]] += 1
    for run in story.runs:
        for did, allowed in (("succeeded", run.generation), ("undone", max(run.undo_round, 1))):
            number = results[run.path, run.item, did]
            sums["one result for each step and direction"].see(
                number <= allowed, f"saga {story.saga.id}, {run.path}[{run.item}] {did} {number} times"
            )


def _one_end(story: Story, sums: Sums) -> None:
    ends = [move["saga"] for move in story.moves if move.get("saga") in ("compensated", "cancelled")]
    completed = sum(move.get("saga") == "completed" for move in story.moves)
    holds = len(ends) <= 1 and completed <= 1 and not (ends and completed and story.saga.parent is None)
    sums["at most one end"].see(holds, f"saga {story.saga.id} ended {completed} times completed, and {ends}")
    agrees = (story.saga.ended_at is not None) == (
        story.saga.state in ("completed", "compensated", "cancelled", "failed")
    )
    sums["at most one end"].see(agrees, f"saga {story.saga.id} is {story.saga.state}, ended at {story.saga.ended_at}")


def _all_done(story: Story, sums: Sums) -> None:
    done = sums["completed: every step once, none undone"]
    for run in (run for run in story.runs if not run.loser):
        where = f"saga {story.saga.id} completed, and {run.path}[{run.item}]"
        done.see(run.state in ("succeeded", "skipped"), f"{where} is {run.state}")
        done.see(run.undo in ("none", "owed"), f"{where} is {run.undo}")


def _all_undone(story: Story, sums: Sums) -> None:
    undone = sums["compensated: what may have happened is undone"]
    for run in (run for run in story.runs if run.kind in ("step", "child") and run.seq is not None):
        where = f"saga {story.saga.id} is {story.saga.state}, and {run.path}[{run.item}]"
        if _owes(story, run):
            settled = run.undo in ("done", "waived") or (run.undo == "unneeded" and run.happened == "no")
            undone.see(settled, f"{where} is {run.undo}, and it happened: {run.happened}")
        elif not (run.path == "inspect" or run.kind == "child"):
            undone.see(run.happened == "no", f"{where} has no compensation, and it happened: {run.happened}")


def _owes(story: Story, run: Run) -> bool:
    """Did the claim of it say that it is to be undone?"""
    mine = (move for move in story.moves if (move.get("step"), move.get("item")) == (run.path, run.item))
    return any(move.get("undo") == "owed" for move in mine)


def _in_reverse(story: Story, sums: Sums) -> None:
    """Undone in reverse order of start; what landed late is undone when it is known."""
    once = {(run.path, run.item): run.seq for run in story.runs if run.undo_round <= 1 and not run.loser}
    undone = [(move["step"], move["item"]) for move in story.moves if move.get("did") == "undone"]
    order = [seq for name in undone if (seq := once.get(name)) is not None]
    sums["undone in reverse order"].see(
        order == sorted(order, reverse=True), f"saga {story.saga.id} undid what began in the order {order}"
    )
