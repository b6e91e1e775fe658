"""The participant of a schedule: it applies each action once, undoes it once, and its ledger knows the order.

What a function comes to is in the schedule's script, call by call: "no", "later", "before" and "after" (the answer
is lost before or after it happened), "partly"; and all is well when the script is at its end.
"""

from dataclasses import dataclass
from typing import Any

from sagas import Abort, RetryLater
from sagas.participant.barrier import participant_barrier
from sagas.participant.models import Barrier, Kind
from sagas.testing.script import Call
from sagas.words.verdict import Doing


@dataclass(frozen=True, slots=True)
class Entry:
    """What happened at the participant, in order: "done", "undone", or "closed" for an action that came too late."""

    what: str
    key: str


class Ledger:
    """Where all steps of a schedule do their work, and the hands of their table."""

    def __init__(self, script: dict[str, list[str]], *, barrier: bool = True) -> None:
        self.script = {name: list(comes) for name, comes in script.items()}
        self.barrier = barrier
        self.entries: list[Entry] = []
        self.there: set[str] = set()
        self.closed: set[str] = set()
        self.heard: set[str] = set()
        self.calls: list[Call] = []

    def act(self, key: str) -> bool:
        """The action's effect, once for each key; behind the barrier never after its compensation. Is it new?"""
        if key in self.closed:
            self.entries.append(Entry("closed", key))
            raise Abort("It was undone before it came.")
        if key in self.heard:
            return False
        self.entries.append(Entry("done", key))
        self.there.add(key)
        self.heard.add(key)
        return True

    def undo(self, action: str, key: str) -> None:
        """The action's effect is undone, once for each key of a compensation."""
        if key in self.heard:
            return
        if action in self.there:
            self.entries.append(Entry("undone", action))
        self.heard.add(key)
        self.there.discard(action)
        if self.barrier:
            self.closed.add(action)

    def undo_by_hand(self, action: str) -> None:
        """A person undoes it, and sees to it that it does not come again."""
        self.undo(action, f"{action} by hand {len(self.entries)}")
        self.closed.add(action)
        Barrier.objects.filter(key=action).update(closed_by="a person")

    def in_place(self) -> set[str]:
        """The keys of all actions whose effect is there, those in the coordinator's own database included."""
        return self.there | set(Barrier.objects.filter(kind=Kind.ACTION, closed_by="").values_list("key", flat=True))

    def action(self, ctx: Any) -> dict[str, str]:
        row = ctx._claim.row
        if row.local:
            return self._act_here(ctx)
        if row.heartbeat:
            ctx.heartbeat()
        comes, call = self._comes(ctx, "action"), self._note(ctx)
        match comes:
            case "no":
                raise Abort("no")
            case "later":
                raise RetryLater("later")
            case "before":
                raise ValueError("lost on its way there")
        call.landed = self.act(ctx.key)
        match comes:
            case "after":
                raise ValueError("lost on its way back")
            case "partly":
                raise Abort("half of it", done={"half": True})
        return {"key": ctx.key}

    def compensation(self, ctx: Any) -> None:
        if ctx._claim.row.local:
            return self._undo_here(ctx)
        comes, call = self._comes(ctx, "undo"), self._note(ctx)
        match comes:
            case "no":
                raise Abort("cannot be undone")
            case "later":
                raise RetryLater("later")
            case "before":
                raise ValueError("lost on its way there")
        self.undo(ctx.action.key, ctx.key)
        call.landed = True
        if comes == "after":
            raise ValueError("lost on its way back")

    def probe(self, ctx: Any) -> dict[str, str]:
        comes = self._comes(ctx, "probe")
        there = ctx.action.key in self.there
        if comes == "later":
            raise RetryLater("cannot tell")
        if not there:
            raise Abort("it is not there")
        return {"key": ctx.action.key}

    def accept(self, ctx: Any, payload: Any) -> Any:
        match self._comes(ctx, "accept"):
            case "no":
                raise Abort("not so")
            case "before" | "after":
                raise KeyError("oops")
        return payload

    def sometimes(self, ctx: Any) -> bool:
        match self._comes(ctx, "when"):
            case "no":
                return False
            case "before" | "after":
                raise KeyError("oops")
        return True

    def _act_here(self, ctx: Any) -> dict[str, str]:
        """In the transaction that records it; what fails takes it back, whatever it had done."""
        comes = self._comes(ctx, "action")
        if comes != "before":
            with participant_barrier(ctx.key, "action"):
                pass
        return self._ends(comes, {"key": ctx.key})

    def _undo_here(self, ctx: Any) -> None:
        comes = self._comes(ctx, "undo")
        with participant_barrier(ctx.key, "compensation", action_key=ctx.action.key):
            pass
        self._ends(comes, None)

    def _ends(self, comes: str, answer: Any) -> Any:
        match comes:
            case "no" | "partly":
                raise Abort("no")
            case "later":
                raise RetryLater("later")
            case "before" | "after":
                raise ValueError("lost")
        return answer

    def _comes(self, ctx: Any, what: str) -> str:
        left = self.script.get(f"{ctx._claim.run.path} {what}")
        return left.pop(0) if left else "well"

    def _note(self, ctx: Any) -> Call:
        """A function is called; it has not done anything yet."""
        run = ctx._claim.run
        call = Call(
            saga=run.saga_id,
            table=ctx.saga.definition,
            path=run.path,
            item=run.item,
            doing=Doing(run.doing),
            key=ctx.key,
            action_key=run.action_key,
            given=[ctx.input, ctx.item],
            function=run.doing,
        )
        self.calls.append(call)
        return call
