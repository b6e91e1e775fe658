"""What a commit changed, for those who watch from outside: a line in the log and a figure for each event that counts.

Told once the transaction has ended, and not at all of one that was rolled back. A line has the words of the event, and
the facts beside them as fields: which saga, which step, which code. Never an input, a result, or what a service said.

    INFO      started, turned back, tried again, undone, ended; decided by somebody
    WARNING   something needs a person, or came too late
    DEBUG     each attempt that was begun, and each that went well
"""

import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from gateway.trace import id_of
from sagas.models.saga import Going
from sagas.record import counted
from sagas.record.turn import Turn
from sagas.words.lifecycle import SagaState

logger = logging.getLogger("sagas")

SWEEP = "sweep"
_held: ContextVar[list[Turn] | None] = ContextVar("turns whose transaction has not ended", default=None)

LOUD = ("late",)
TAKEN_BACK = ("worker_gone", "lease_expired")
SAYS = {
    "again": "a step is tried again",
    "to ask": "a step may have happened; its participant is asked",
    "failed": "a step failed",
    "unknown": "a step ended in doubt",
    "timed_out": "nothing came in time",
    "undone": "a step is undone",
    "waived": "a step was undone by hand",
    "late": "an outcome came late",
    "committed": "a saga passed its point of no return",
    "paused": "a saga is paused",
    "resumed": "a saga goes on",
}
"""What is worth a line; the rest is the ordinary course of a saga, and in its journal."""
OUTCOMES = {"notnow": "not_now", "shutout": "shut_out"}
FACTS = {"outcome": "outcome", "code": "code", "after": "after", "tries": "attempt"}

Fields = dict[str, Any]
Event = tuple[int, str, Fields]


def tell(t: Turn) -> None:
    """Tell what this turn changed, once its transaction has ended."""
    held = _held.get()
    if held is None:
        _tell(t)
    else:
        held.append(t)


@contextmanager
def held_back() -> Iterator[None]:
    """What is told within this context is told at its end, unless that is an exception; within another, at its end."""
    if _held.get() is not None:
        yield
        return
    held: list[Turn] = []
    token = _held.set(held)
    try:
        yield
    finally:
        _held.reset(token)
    for t in held:
        _tell(t)


def nothing_written() -> None:
    """What was told within this `held_back` so far is rolled back."""
    if (held := _held.get()) is not None:
        held.clear()


def _tell(t: Turn) -> None:
    try:
        for level, words, fields in [*_begin(t), *_of_moves(t), *_end(t)]:
            if logger.isEnabledFor(level):
                logger.log(level, words, extra=_about(t) | fields)
    except Exception:  # what is committed stays so, whatever becomes of the news of it
        logger.exception("What a turn changed could not be told.")


def _about(t: Turn) -> Fields:
    trace = id_of(t.saga.traceparent)
    about: Fields = {"saga": str(t.saga.pk), "definition": t.saga.definition}
    return about | ({"trace": trace} if trace else {})


def _begin(t: Turn) -> Iterator[Event]:
    saga = t.saga
    if saga.rev == 1:
        counted.STARTED.add(saga.definition)
        yield logging.INFO, "a saga is started", {"version": saga.version, "actor": saga.started_by}
    if t.verb:
        counted.VERBS.add(t.verb)
        yield logging.INFO, "somebody decided", {"verb": t.verb, "actor": t.actor}


def _end(t: Turn) -> Iterator[Event]:
    """What the moves came to: the saga turned back, or ended."""
    saga = t.saga
    if saga.going == Going.BACK and t.was("going") != Going.BACK:
        counted.TURNED_BACK.add(saga.definition, saga.cause)
        failure = saga.failure or {}
        said = {name: failure[name] for name in ("step", "code") if failure.get(name)}
        yield logging.INFO, "a saga turned back", {"cause": saga.cause, **said}
    if saga.ended_at is not None and t.was("ended_at") is None:
        counted.ENDED.add(saga.definition, saga.state)
        seconds = round((saga.ended_at - saga.created_at).total_seconds(), 3)
        level = logging.WARNING if saga.state == SagaState.FAILED else logging.INFO
        yield level, "a saga ended", {"state": saga.state, "seconds": seconds}


def _of_moves(t: Turn) -> Iterator[Event]:
    for move in t.moves:
        did = move.get("did")
        if did not in SAYS and "incident" not in move and "signal" not in move:
            continue
        step = move.get("step", "")
        where: Fields = {"step": step} if step else {}
        where |= {"item": move["item"]} if move.get("item") else {}
        if "incident" in move:
            counted.INCIDENTS.add(t.saga.definition, step, move["incident"])
            yield logging.WARNING, "a person is needed", {"reason": move["incident"], "code": move["code"], **where}
        elif "signal" in move and did == "stored":
            counted.SIGNALS.add(t.saga.definition, move["flag"] or "expected")
            level = logging.WARNING if move["flag"] else logging.INFO
            yield level, "a signal is stored", {"kind": move["flag"] or "expected"}
        elif did in SAYS:
            _count(t, move)
            facts = {field: move[name] for name, field in FACTS.items() if name in move}
            if "outcome" in facts:
                facts["outcome"] = OUTCOMES.get(facts["outcome"], facts["outcome"])
            yield logging.WARNING if did in LOUD else logging.INFO, SAYS[did], {**where, **facts}


def _count(t: Turn, move: Mapping[str, Any]) -> None:
    """What an attempt came to is counted by who made it, but for one that nobody will hear of any more."""
    if move["did"] in LOUD:
        counted.LATE.add(t.saga.definition, move["step"])
    elif move.get("code") in TAKEN_BACK and t.actor == SWEEP:
        doing = "compensation" if move.get("undo") == "due" else "action"
        counted.ATTEMPTS.add(t.saga.definition, move["step"], doing, move["code"])
