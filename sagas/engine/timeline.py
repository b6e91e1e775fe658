"""What happened to a saga, in plain words and in order; the same for the terminal, the console and the test kit.

for entry in timeline(saga):
    print(entry.at, entry.actor, entry.text)
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sagas.engine import wording
from sagas.engine.wording import Said, Tone
from sagas.models import Audit, Cause, Journal, Run, Saga
from sagas.record.sight import FULL, Sight
from sagas.words.lifecycle import SagaState

__all__ = ["Entry", "Reader", "Tone", "timeline", "who"]

UNTOLD = (Cause.DEADLINE, Cause.PARENT)
"""Why a saga went back where no other line says it."""


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One thing that happened: when, through whom, and what; `path` is empty for the saga as a whole."""

    at: datetime
    actor: str
    text: str
    path: str = ""
    item: int = 0
    tone: Tone = "plain"


def timeline(saga: Saga, *, details: bool = False) -> list[Entry]:
    """What happened to a saga so far, oldest first; with `details` all of it."""
    found = Reader(saga).news()
    return [entry for entry in found if details or entry.tone != "quiet"]


class Reader:
    """Reads a saga's journal, and what people said while they decided, piece by piece as both grow.

    It begins `after` a revision of the saga: 0 is its begin. What it says is for somebody with that `sight`.
    """

    def __init__(self, saga: Saga, *, after: int = 0, sight: Sight = FULL) -> None:
        self._saga = saga
        self._sight = sight
        self._rev = after
        self._kinds: Mapping[str, str] = {}
        self._lists: set[str] = set()
        self._state = ""
        self._back = False
        self._paused = False

    def news(self, *, upto: int | None = None) -> list[Entry]:
        """What happened since it was asked last, to a revision if one is named."""
        since = Journal.objects.filter(saga_id=self._saga.pk, rev__gt=self._rev)
        found = since if upto is None else since.filter(rev__lte=upto)
        rows = [self._sight.look(row) for row in found.order_by("rev")]
        if not rows:
            return []
        self._rev = rows[-1].rev
        runs = Run.objects.filter(saga_id=self._saga.pk).exclude(kind=Run.Kind.MESSAGE)
        self._kinds = dict(runs.values_list("path", "kind").distinct())
        self._lists = set(runs.filter(item__gt=0).values_list("path", flat=True).distinct())
        decided = Audit.objects.filter(saga_id=self._saga.pk, at__gte=rows[0].at).order_by("id")
        reasons: dict[tuple[datetime, str], list[Audit]] = defaultdict(list)
        for audit in decided:  # a clock of milliseconds may give two of them one time
            reasons[audit.at, audit.actor].append(audit)
        return [entry for row in rows for entry in self._entries(row, reasons[row.at, row.actor])]

    def _entries(self, row: Journal, decided: list[Audit]) -> Iterator[Entry]:
        actor, audit = who(row.actor), decided.pop(0) if decided else None
        if row.rev == 1:
            yield Entry(at=row.at, actor=actor, text=f"the saga is started by {actor}")
        if audit is not None:
            yield _decision(audit, actor)
        for move, (tone, text) in self._told(row.moves):
            tone = "quiet" if audit is not None and tone == "person" and audit.verb != "decide" else tone
            path, item = move.get("step", ""), move.get("item", 0)
            yield Entry(at=row.at, actor=actor, text=text, path=path, item=item, tone=tone)

    def _told(self, moves: Iterable[Mapping[str, Any]]) -> Iterator[tuple[Mapping[str, Any], Said]]:
        moves = list(moves)
        came = {move["id"] for move in moves if move.get("did") == "stored"}
        for move in moves:
            match move:
                case {"saga": state}:
                    yield move, self._state_said(state)
                case {"incident": _}:
                    yield move, wording.of_incident(move, self._name(move))
                case {"signal": _, "did": "stored"}:
                    taken = any(other.get("did") == "took" and other.get("id") == move["id"] for other in moves)
                    yield move, wording.of_signal(move, taken=taken, paused=self._paused)
                case {"step": path, "did": did}:
                    tone, text = wording.of_step(move, self._name(move), self._kinds.get(path, ""))
                    yield move, ("quiet" if did == "took" and move.get("id") in came else tone, text)
                case _:
                    self._paused = {"paused": True, "resumed": False}.get(str(move.get("did")), self._paused)
                    yield move, wording.of_saga(move)

    def _name(self, move: Mapping[str, Any]) -> str:
        path = str(move.get("step", ""))
        return f"{path}[{move.get('item', 0)}]" if path in self._lists else path

    def _state_said(self, state: str) -> Said:
        before, self._state = self._state, state
        if state != SagaState.COMPENSATING:
            return wording.of_state(state)
        if before == SagaState.STUCK and self._back:
            return "quiet", "the saga goes on going back"
        self._back = True
        cause = Saga.objects.values_list("cause", flat=True).get(pk=self._saga.pk)
        return wording.of_turning_back(Cause(cause).label if cause in UNTOLD else "")


def who(actor: str) -> str:
    """Who acts, for people: workers sign with their id, of which the end is enough to tell one from another."""
    try:
        return f"worker …{UUID(actor).hex[-6:]}"
    except ValueError:
        return actor.removeprefix("person:")


def _decision(audit: Audit, actor: str) -> Entry:
    what = f" {audit.path}" + (f"[{audit.item}]" if audit.item else "") if audit.path else ""
    text = f"{actor} decided: {audit.verb.replace('_', ' ')}{what} ({audit.reason})"
    return Entry(at=audit.at, actor=actor, text=text, path=audit.path, item=audit.item, tone="person")
