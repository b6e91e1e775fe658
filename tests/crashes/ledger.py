"""A participant that keeps a ledger: what was done and undone, under which key, in which order.

It is spoken to over the real client and stands behind the real barrier. A request that was on its way when its sender
died may still arrive, much later.
"""

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from django.db import transaction

from sagas.models import Run, Saga
from sagas.participant.barrier import ActionClosed, participant_barrier
from sagas.participant.models import Barrier
from sagas.testing import service
from sagas.testing.participants import Participant, Request
from sagas.words.definition import Definition
from sagas.words.lifecycle import SagaState, StepState
from sagas.words.rows import Step

UNDONE = {SagaState.COMPENSATED, SagaState.CANCELLED}
Function = Callable[[Any], Any]


@dataclass(frozen=True)
class Entry:
    """An effect: an action, or the undoing of one."""

    did: str
    key: str
    action_key: str


@dataclass(frozen=True)
class Wish:
    """A request on its way."""

    path: str
    key: str
    action_key: str


class Ledger:
    """The effects of one story, and the requests that are on their way to it."""

    def __init__(self) -> None:
        self.entries: list[Entry] = []
        self.on_the_way: list[Wish] = []

    def clear(self) -> None:
        """Another story begins."""
        self.entries.clear()
        self.on_the_way.clear()

    # What steps do

    def action(self, name: str) -> Function:
        """A step's function: it asks the participant to do it."""

        def act(ctx: Any) -> Any:
            return self._ask(ctx, f"/{name}")

        act.__name__ = name
        return act

    def compensation(self, name: str) -> Function:
        """What undoes it."""

        def undo(ctx: Any) -> Any:
            return self._ask(ctx, f"/{name}/undo")

        undo.__name__ = f"undo_{name}"
        return undo

    def _ask(self, ctx: Any, path: str) -> Any:
        wish = Wish(path, ctx.key, ctx.action.key)
        self.on_the_way.append(wish)
        try:
            answer = ctx.service("shop").post(path, json={}).json
        except Exception:
            self.on_the_way.remove(wish)
            raise
        self.on_the_way.remove(wish)
        return answer

    # What the participant does

    def participant(self) -> Participant:
        return (
            service("shop")
            .answers("POST", "/{name}", body=lambda request: self._do(request.key))
            .answers("POST", "/{name}/undo", body=self._answer_undo)
        )

    def arrive(self) -> None:
        """What was on its way when its sender died arrives now."""
        while self.on_the_way:
            wish = self.on_the_way.pop(0)
            if wish.path.endswith("/undo"):
                self._undo(wish.key, wish.action_key)
            else:
                self._do(wish.key)

    def _do(self, key: str) -> Any:
        try:
            with transaction.atomic(), participant_barrier(key, "action") as barrier:
                if barrier.first:
                    barrier.keep({"of": key})
        except ActionClosed as error:
            return 410, {"detail": str(error)}
        if barrier.first:
            self.entries.append(Entry("done", key, key))
        return barrier.answer

    def _answer_undo(self, request: Request) -> Any:
        return self._undo(request.key, request.headers["saga-action-key"])

    def _undo(self, key: str, action_key: str) -> Any:
        with transaction.atomic(), participant_barrier(key, "compensation", action_key=action_key) as barrier:
            pass
        if barrier.first:
            self.entries.append(Entry("undone", key, action_key))
        return barrier.answer

    # What must hold

    def faults(self, sagas: list[Saga], tables: dict[str, Definition]) -> Iterator[str]:
        """What must not be so, a sentence each, of a saga and all below it."""
        yield from self._out_of_order()
        runs = list(Run.objects.filter(saga__in=sagas, kind=Run.Kind.STEP).select_related("saga"))
        known = {run.action_key: run for run in runs if run.seq is not None}
        there = self._there(runs, tables)
        for key in there:
            if key not in known:
                yield f"{key} is there, and no attempt of it was ever recorded."
            elif known[key].saga.state in UNDONE or known[key].loser:
                yield f"{key} is there, and its saga is {known[key].saga.state}."
        for run in runs:
            wanted = run.saga.state == SagaState.COMPLETED and not run.loser and run.state != StepState.CANCELLED
            if wanted and there[run.action_key] != 1:
                yield f"{run.action_key} is there {there[run.action_key]} times, and its saga completed."

    def _out_of_order(self) -> Iterator[str]:
        applied = Counter(entry.key for entry in self.entries)
        yield from (f"{key} was applied {times} times." for key, times in applied.items() if times > 1)
        undone: set[str] = set()
        for entry in self.entries:
            if entry.did == "undone":
                undone.add(entry.action_key)
            elif entry.action_key in undone:
                yield f"{entry.key} was done after it had been undone."

    def _there(self, runs: list[Run], tables: dict[str, Definition]) -> Counter[str]:
        """The effects that stand."""
        there = Counter(entry.key for entry in self.entries if entry.did == "done")
        there.subtract(entry.action_key for entry in self.entries if entry.did == "undone")
        for run in runs:
            row = tables[run.saga.definition].places[run.path].row
            if isinstance(row, Step) and row.local:
                there[run.action_key] += Barrier.objects.filter(key=run.action_key, closed_by="").count()
        return +there


def do_here(ctx: Any) -> Any:
    """A local step: a row in the coordinator's own database; a second one under the same key is an error."""
    Barrier.objects.create(key=ctx.key, kind="action")
    return {"of": ctx.key}


def undo_here(ctx: Any) -> None:
    if not Barrier.objects.filter(key=ctx.action.key, closed_by="").update(closed_by=ctx.key):
        raise AssertionError(f"{ctx.action.key} is not there to be undone.")
