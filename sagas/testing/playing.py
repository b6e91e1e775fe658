"""The functions of a story's steps as they are played: each does its work, or what its script says."""

from typing import TYPE_CHECKING, Any
from uuid import UUID

import httpx

from sagas.errors import Abort, Denied, Unknown
from sagas.models import Run, Saga, Work
from sagas.record import clock
from sagas.testing.cues import Cue, Kind
from sagas.testing.failure import Crash, Halt
from sagas.testing.script import Call, Function, Script
from sagas.words.rows import Step

if TYPE_CHECKING:
    from sagas.testing.world import World


class Cast:
    """Who plays in a world: every saga with its script, and the participants outside."""

    def __init__(self, world: "World") -> None:
        self.scripts: dict[UUID, Script] = {}
        self._world = world
        self._speaking: list[Script] = []

    def add(self, saga_id: UUID, script: Script) -> None:
        """That saga, and every child of it, goes by this script."""
        self.scripts[saga_id] = script

    @property
    def participants(self) -> set[str]:
        """The names of those that scripts speak for."""
        return {name for script in self.scripts.values() for name in script.outside.names}

    def play(self, function: Function, ctx: Any) -> Any:
        """A function of a step is called: it does its work, or what its script says."""
        run = ctx._claim.run
        script = self._script_of(run.saga_id)
        call = script.note(run, function, ctx)
        cue = script.cue_for(call)
        self._speaking.append(script)
        try:
            if cue is not None:
                return self._wrongly(cue, call, script, function, ctx)
            return self._rightly(call, script, function, ctx)
        finally:
            self._speaking.pop()

    def answer(self, name: str, request: httpx.Request) -> httpx.Response:
        """A participant is called."""
        if not self._speaking:
            raise Halt(f"{name} was called with {request.method} {request.url.path} outside of a step.")
        return self._speaking[-1].outside.handle(name, request)

    def _rightly(self, call: Call, script: Script, function: Function, ctx: Any) -> Any:
        try:
            call.result = script.answer(call, function, ctx)
        except Abort as error:
            call.landed = error.done is not Abort.NOTHING
            raise
        except Denied as error:
            if error.code == "service_unknown":
                raise Halt(f"{call.path}: {error} Script it: service(…).answers(…), or steps={{…}}.") from None
            raise
        call.landed = True
        return call.result

    def _wrongly(self, cue: Cue, call: Call, script: Script, function: Function, ctx: Any) -> Any:
        if cue.kind is Kind.FAILS and cue.error is not None:
            raise cue.error
        run = ctx._claim.run
        if cue.kind is Kind.DUPLICATED:
            self._world.comes_twice(run.pk, run.fence - 1)
        result = None if cue.when == "before" else self._rightly(call, script, function, ctx)
        match cue.kind:
            case Kind.TIMES_OUT:
                raise Unknown(f"{run.path} did not answer in time; it may have happened.", code="timeout")
            case Kind.CRASHES:
                raise Crash
            case Kind.ANSWERS_LATE:
                self._give_up(ctx)
        return result

    def _give_up(self, ctx: Any) -> None:
        """While the function still works, its lease ends and another worker makes the next attempt."""
        run, world = ctx._claim.run, self._world
        if isinstance(ctx._claim.row, Step) and ctx._claim.row.local:
            raise Halt(f"{run.path} is local: it holds its transaction, so its answer cannot come late.")
        world.go_to(Run.objects.values_list("at", flat=True).get(pk=run.pk) or clock.now())
        taken = Run.objects.get(pk=run.pk)
        if taken.work == Work.DUE and taken.at is not None:
            world.go_to(taken.at, sweeping=False)
            world.another_tries(taken.pk, taken.fence)

    def _script_of(self, saga_id: UUID) -> Script:
        if saga_id not in self.scripts:
            parent = Saga.objects.values_list("parent__saga_id", flat=True).get(pk=saga_id)
            if parent is None:
                raise Halt(f"Saga {saga_id} was not begun by this test's `given`; begin it there.")
            self.scripts[saga_id] = self._script_of(parent)
        return self.scripts[saga_id]
