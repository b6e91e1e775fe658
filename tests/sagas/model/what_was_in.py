"""What a run had in it, and how often the interesting things must come, so that no pass is empty."""

from collections.abc import Iterator

from sagas.words.outcome import Refused, Succeeded
from sagas.words.rows import Each, Parallel, Row, Step
from sagas.words.verdict import Doing
from tests.sagas.model.player import Player
from tests.sagas.model.story import Fact, landed
from tests.sagas.model.tables import depth_of

LEAST = {
    "a failing row": 0.1,
    "an unknown outcome": 0.2,
    "a lease that expired": 0.1,
    "a late success": 0.05,
    "a late success on the way back": 0.002,
    "a probe": 0.03,
    "a parallel group": 0.15,
    "a join": 0.08,
    "a list": 0.15,
    "an empty list": 0.02,
    "a nested group": 0.05,
    "a loser that is undone": 0.02,
    "a loser past the pivot": 0.001,
    "a side-by-side undoing": 0.01,
    "a row not taken": 0.02,
    "a definition error": 0.01,
    "a signal that was taken": 0.05,
    "a decision of a person": 0.04,
    "a clock that fired": 0.05,
    "a child that completed": 0.05,
    "a child that was undone": 0.01,
    "a child that was told to undo": 0.005,
    "a child that was given up": 0.005,
    "a stuck child": 0.01,
    "a pivot": 0.15,
    "a pivot in doubt": 0.02,
    "something wanted at the pivot": 0.002,
    "a hold past the pivot": 0.003,
    "a local step": 0.05,
    "a cancel": 0.02,
    "a deadline": 0.03,
    "a pause": 0.02,
    "an operator's retry": 0.1,
    "a resolution": 0.01,
    "a skip": 0.02,
    "a waiver": 0.01,
    "a saga given up": 0.02,
    "a saga that was reopened": 0.02,
    "an undoing by the parent": 0.01,
    "a stuck compensation": 0.01,
    "others going on beside what is stuck": 0.0004,
    "the end completed": 0.3,
    "the end compensated": 0.15,
    "the end cancelled": 0.02,
}
KINDS = {
    "took": "a signal that was taken",
    "answered": "a decision of a person",
    "clock": "a clock that fired",
    "deadline": "a deadline",
    "paused": "a pause",
    "retried": "an operator's retry",
    "resolved": "a resolution",
    "skipped": "a skip",
    "waived": "a waiver",
    "given up": "a saga given up",
    "reopened": "a saga that was reopened",
    "undone by parent": "an undoing by the parent",
    "committed": "a pivot",
    "held": "a hold past the pivot",
    "cancelled": "a cancel",
}
AT_THE_PIVOT = ("a pivot in doubt", "something wanted at the pivot")
CHILDREN = {
    "completed": "a child that completed",
    "compensated": "a child that was undone",
    "failed": "a child that was given up",
    "stuck": "a stuck child",
}


def what_was_in(player: Player) -> set[str]:
    history = player.oracle.history
    found = {KINDS[fact.kind] for fact in history if fact.kind in KINDS}
    found |= {CHILDREN[fact.how] for fact in history if fact.kind == "child is" and fact.how in CHILDREN}
    found |= set(_of_table(player))
    found |= set(_of_outcomes(history))
    found |= set(_of_way_back(player, history))
    found |= {what for what in AT_THE_PIVOT if player.seen[what]}
    return {*found, f"the end {player.engine.state}"}


def _of_table(player: Player) -> Iterator[str]:
    rows: list[Row] = [place.row for place in player.definition.walk()]
    depth = max(depth_of(row) for row in player.definition.rows)
    if any(isinstance(row, Parallel) for row in rows):
        yield "a parallel group"
    if any(isinstance(row, Parallel) and row.join for row in rows):
        yield "a join"
    if any(isinstance(row, Each) for row in rows):
        yield "a list"
    if any(isinstance(row, Step) and row.local for row in rows):
        yield "a local step"
    if depth > 1:
        yield "a nested group"


def _of_outcomes(history: list[Fact]) -> Iterator[str]:
    names = {
        "Lost": "an unknown outcome",
        "Probed": "a probe",
        "Wrong": "a definition error",
    }
    for fact in history:
        came = fact.outcome
        if fact.kind == "late" and fact.doing is not Doing.COMPENSATION and landed(came):
            yield "a late success"
        if fact.kind != "came to":
            continue
        if type(came).__name__ in names:
            yield names[type(came).__name__]
        if getattr(came, "code", "") == "unknown" and getattr(came, "died", False):
            yield "a lease that expired"
        if isinstance(came, Succeeded) and isinstance(came.result, dict):
            if came.result.get("items") == []:
                yield "an empty list"
            if came.result.get("taken") is False:
                yield "a row not taken"


def _of_way_back(player: Player, history: list[Fact]) -> Iterator[str]:
    dropped = {fact.row for fact in history if fact.kind == "dropped"}
    committed = False
    stuck: set[str] = set()
    for before, fact in zip([Fact("begins"), *history], history, strict=False):
        committed = committed or fact.kind == "committed"
        if fact.kind == "turned back" and before.kind in ("came to", "news", "clock"):
            yield "a failing row"
        if fact.kind == "told" and fact.how == "undo":
            yield "a child that was told to undo"
        if fact.kind == "demanded":
            yield from _of_demand(player, fact, committed, dropped, stuck)
        if fact.kind == "came to" and fact.doing is Doing.COMPENSATION and isinstance(fact.outcome, Refused):
            stuck.add(fact.row)
            yield "a stuck compensation"


def _of_demand(player: Player, fact: Fact, committed: bool, dropped: set[str], stuck: set[str]) -> Iterator[str]:
    if fact.number > 1:
        yield "a late success on the way back"
    if fact.row in dropped:
        yield "a loser that is undone"
        if committed:
            yield "a loser past the pivot"
    place = player.definition.places[fact.row.partition("#")[0]]
    if place.groups and player.definition.places[place.groups[0]].group.compensate == "parallel":
        yield "a side-by-side undoing"
    if stuck - {fact.row} and player.definition.on_compensation_stuck == "continue":
        yield "others going on beside what is stuck"
