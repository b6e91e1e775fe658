"""What must be so when all is over: the database, its journal and the participant's ledger held against each other."""

from collections import Counter
from collections.abc import Iterator
from typing import Any

from sagas.models import Audit, Journal, Run, Saga, Signal
from sagas.testing.invariants import broken
from sagas.words import registry
from sagas.words.rows import Step
from tests.schedules.people import Asked
from tests.schedules.stage import Stage

FULL_STOPS = ("compensated", "cancelled")
OF_ALL = ("hold", "canary", "release")
"""Verbs that concern more than one saga."""
ENDS_AN_ATTEMPT = {"succeeded", "failed", "unknown", "again", "to ask", "held", "undone", "stuck"}


def judged(stage: Stage) -> list[str]:
    """What is not as it must be, a sentence each."""
    return [
        *_order(stage),
        *_effects(stage),
        *_invariants(stage),
        *_tokens(),
        *_signals(stage),
        *_answers(stage),
        *_at_rest(),
    ]


def _order(stage: Stage) -> Iterator[str]:
    """Each key is applied at most once, and behind the barrier no action after its compensation."""
    done: Counter[str] = Counter()
    undone: set[str] = set()
    for entry in stage.ledger.entries:
        if entry.what == "done":
            done[entry.key] += 1
            if entry.key in undone and stage.ledger.barrier:
                yield f"{entry.key} was done after it had been undone."
        if entry.what == "undone":
            undone.add(entry.key)
    for key, times in done.items():
        if times > 1:
            yield f"{key} was done {times} times."


def _effects(stage: Stage) -> Iterator[str]:
    """Nothing is left of what was turned back; all is there, once, of what completed."""
    in_place = stage.ledger.in_place()
    for run in Run.objects.filter(kind=Run.Kind.STEP).select_related("saga"):
        saga = run.saga
        table = registry.find(saga.definition, saga.version, saga.fingerprint)
        row = table.places[run.path].row if table else None
        pivot = isinstance(row, Step) and row.pivot
        mine = f"{saga.pk}:{run.path}:{run.item}:"
        there = [key for key in in_place if key.startswith(mine)]
        unwanted = saga.state in FULL_STOPS or (run.loser and saga.state != "failed")
        if not stage.ledger.barrier and run.happened != "yes":
            there = []  # what came after its compensation, and told nobody, is what the barrier is for
        if unwanted and not pivot and there:
            yield f"{saga.definition} is {saga.state}, and {run.path}[{run.item}] left {there}; it is {run.undo}."
        done = run.state == "succeeded" and run.code != "abort" and not run.loser
        if saga.state == "completed" and done and len(there) != 1:
            yield f"{saga.definition} completed, and {run.path}[{run.item}] left {there}."


def _invariants(stage: Stage) -> Iterator[str]:
    for saga in Saga.objects.all():
        table = registry.find(saga.definition, saga.version, saga.fingerprint)
        if table is None:
            yield f"{saga.definition} runs on a table that nobody knows."
        else:
            found = broken(saga, table, stage.ledger.calls)
            yield from (sentence for sentence in found if not sentence.endswith("is still there."))  # see `_effects`


def _tokens() -> Iterator[str]:
    """What ends a step's attempt is written by who holds it, by a sweep that took it back, or by a person."""
    steps = set(Run.objects.filter(kind=Run.Kind.STEP).values_list("saga_id", "path", "item"))
    holders: dict[Any, str] = {}
    for row in Journal.objects.order_by("saga_id", "rev"):
        for move in row.moves:
            name = (row.saga_id, move.get("step"), move.get("item"))
            if "worker" in move:
                holders[name] = move["worker"]
            elif move.get("did") in ENDS_AN_ATTEMPT and name in steps:
                holder = holders.pop(name, None)
                if row.actor not in ("sweep", "somebody", "a person") and holder not in (row.actor, None):
                    yield f"{row.actor} wrote that {name[1]} {move['did']}, and {holder} held it (rev {row.rev})."


def _signals(stage: Stage) -> Iterator[str]:
    """A signal that was accepted is stored, once, and applied at most once; and first in, first out."""
    asked = [asked for asked in stage.people.asked if asked.verb == "signal"]
    for one in asked:
        stored = Signal.objects.filter(saga_id=one.saga, name=one.about.get("name"), dedup_id=one.about.get("id"))
        if one.answer == "done" and stored.count() != 1:
            yield f"{one} was accepted, and it is stored {stored.count()} times."
    for saga in Saga.objects.all():
        taken: dict[str, int] = {}
        for signal in Signal.objects.filter(saga=saga, flag="").order_by("id"):
            if signal.taken_by_id is None:
                taken.setdefault(signal.name, signal.pk)
            elif signal.name in taken:
                yield f"Signal {signal.pk} was taken, and {taken[signal.name]} of the same name came before it."
    moves = [(row.saga_id, move) for row in Journal.objects.all() for move in row.moves if "signal" in move]
    took = Counter((saga, move["signal"], move["id"]) for saga, move in moves if move["did"] == "took")
    yield from (f"Signal {name} was taken {times} times." for name, times in took.items() if times > 1)


def _answers(stage: Stage) -> Iterator[str]:
    """Cancel's answer is the truth, and each decision of a person is in the audit."""
    for one in stage.people.asked:
        if one.verb in ("cancel", "compensate"):
            yield from _turned(one, Saga.objects.get(pk=one.saga))
    for verb in OF_ALL:
        sure = sum(one.answer == "done" for one in stage.people.asked if one.verb == verb)
        open_ones = sum(one.answer == "" for one in stage.people.asked if one.verb == verb)
        written = Audit.objects.filter(verb=verb, actor="somebody").count()
        if not sure <= written <= sure + open_ones:
            yield f"{verb} was answered with yes {sure} times, and the audit has {written}."
    for saga in Saga.objects.all():
        kept = Counter(Audit.objects.filter(saga=saga, actor="somebody").values_list("verb", flat=True))
        mine = [
            one for one in stage.people.asked if one.saga == saga.pk and one.verb not in ("signal", "order", *OF_ALL)
        ]
        for verb in {one.verb for one in mine}:
            sure = sum(one.answer == "done" for one in mine if one.verb == verb)
            open_ones = sum(one.answer == "" for one in mine if one.verb == verb)
            if verb not in ("cancel", "compensate") and not sure <= kept[verb] <= sure + open_ones:
                yield f"{verb} was answered with yes {sure} times, and the audit of {saga} has {kept[verb]}."


def _at_rest() -> Iterator[str]:
    """Nothing waits for a participant, and nobody is said to."""
    for run in Run.objects.filter(hold__isnull=False):
        yield f"{run} waits for a participant, and nobody holds it any more."
    for saga in Saga.objects.exclude(parked_at=None):
        yield f"{saga.definition} is {saga.state}, and waits for a participant since {saga.parked_at}."


def _turned(one: Asked, saga: Saga) -> Iterator[str]:
    if one.answer == "done" and saga.state not in (*FULL_STOPS, "failed"):
        yield f"{one.verb} was accepted, and {saga.definition} is {saga.state}."
    if one.answer == "committed" and saga.state in FULL_STOPS:
        yield f"{one.verb} was refused since the saga had passed its pivot, and {saga.definition} is {saga.state}."
