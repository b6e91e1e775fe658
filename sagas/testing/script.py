"""One story's script: which functions are not called and what is said in their place, what goes wrong, and what
happened: every call of a function, in order."""

import difflib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from inspect import unwrap
from typing import Any

from sagas.errors import Abort, NothingThere
from sagas.models import Run
from sagas.record.payload import Unstorable, pack, unpack
from sagas.testing.cues import Cue
from sagas.testing.participants import Outside, Participant
from sagas.testing.reading import tables_of
from sagas.words.definition import Definition
from sagas.words.outcome import Happened
from sagas.words.rows import Step
from sagas.words.verdict import Doing

Function = Callable[[Any], Any]
EVERY = "*"
"""In `steps`: what every step answers that is not named."""


@dataclass(kw_only=True)
class Call:
    """One call of a team's function. `landed`: its work was done, whatever the coordinator heard of it."""

    saga: Any
    table: str
    path: str
    item: int
    doing: Doing
    key: str
    action_key: str
    given: Any
    function: str
    landed: bool = False
    result: Any = None


@dataclass(frozen=True)
class InTurn:
    """Answers one after the other; the last one stays. Built by `in_turn`."""

    answers: tuple[Any, ...]


def in_turn(*answers: Any) -> InTurn:
    """What a scripted step does, call by call; the last answer is for all later calls."""
    return InTurn(answers)


@dataclass
class Script:
    """What one story's functions do."""

    table: Definition
    steps: dict[str, Any] = field(default_factory=dict)
    cues: list[list[Any]] = field(default_factory=list)
    outside: Outside = field(default_factory=Outside)
    calls: list[Call] = field(default_factory=list)
    counts: dict[str, int] = field(default_factory=dict)

    def add(self, *things: "Cue | Participant", steps: Mapping[str, Any] | None = None) -> None:
        """More of it, from now on. Raises `LookupError` for a name that the table does not have."""
        for thing in things:
            if isinstance(thing, Participant):
                self.outside.add(thing)
            elif isinstance(thing, Cue):
                self._check(thing.name)
                self.cues.insert(0, [thing, thing.times])
            else:
                raise TypeError(f"{thing!r} is neither a participant nor something that goes wrong.")
        for name, answer in (steps or {}).items():
            if name != EVERY:
                self._check(name)
            self.steps[name] = answer
            self.counts.pop(name, None)

    def note(self, run: Run, function: Function, ctx: Any) -> Call:
        """A function is called."""
        call = Call(
            saga=run.saga_id,
            table=ctx.saga.definition,
            path=run.path,
            item=run.item,
            doing=Doing(run.doing),
            key=run.key,
            action_key=run.action_key,
            given=_packed([ctx.input, ctx.item]),
            function=_name(function),
        )
        self.calls.append(call)
        return call

    def cue_for(self, call: Call) -> Cue | None:
        """What goes wrong with this call; used up by it."""
        for entry in self.cues:
            cue, left = entry
            if left == 0 or not self._means(cue, call):
                continue
            if left is not None:
                entry[1] = left - 1
            return cue if isinstance(cue, Cue) else None
        return None

    def answer(self, call: Call, function: Function, ctx: Any) -> Any:
        """What the function answers: the script's word, else its own."""
        for name in (call.function, call.path) if call.doing is not Doing.ACTION else (call.path, call.function):
            if name in self.steps and (name != call.path or call.doing is Doing.ACTION):
                return self._say(name, ctx)
        if call.path not in self.steps and EVERY not in self.steps:
            return function(ctx)
        return self._whole(call, ctx)

    def _whole(self, call: Call, ctx: Any) -> Any:
        """A step that is scripted is scripted whole: its probe knows what happened, and it can be undone."""
        if call.doing is Doing.ACTION:
            return self._say(EVERY, ctx)
        done = [c for c in self.calls if c.action_key == call.action_key and c.doing is Doing.ACTION and c.landed]
        if call.doing is Doing.PROBE:
            if not done:
                raise Abort("It did not happen.")
            return done[-1].result
        if not done and ctx.action.happened is not Happened.YES:
            raise NothingThere("There is nothing to undo.")
        return None

    def _say(self, name: str, ctx: Any) -> Any:
        said = self.steps[name]
        if isinstance(said, InTurn):
            number = self.counts.get(name, 0)
            self.counts[name] = number + 1
            said = said.answers[min(number, len(said.answers) - 1)]
        if isinstance(said, BaseException) or (isinstance(said, type) and issubclass(said, BaseException)):
            raise said
        return said(ctx) if callable(said) else said

    def _means(self, cue: Cue, call: Call) -> bool:
        if cue.item is not None and cue.item != call.item:
            return False
        if cue.within not in ("", call.table):
            return False
        if cue.name == call.path:
            return call.doing is (cue.doing or Doing.ACTION)
        return cue.name == call.function and (cue.doing is None or cue.doing is call.doing)

    def _check(self, name: str) -> None:
        names = {known for table in tables_of(self.table) for step in table.steps for known in _names(step)}
        if name not in names:
            near = difflib.get_close_matches(name, names, 1)
            hint = f"did you mean {near[0]!r}?" if near else f"there are: {', '.join(sorted(names))}."
            raise LookupError(f"{self.table.name} has no step or function {name!r}; {hint}")


def _names(step: Step) -> Iterator[str]:
    yield step.name
    yield from (_name(function) for function in (step.action, step.compensation, step.probe) if function is not None)


def _name(function: Function) -> str:
    return getattr(unwrap(function), "__name__", type(function).__name__)


def _packed(value: Any) -> Any:
    try:
        return unpack(pack(value))
    except Unstorable:
        return repr(value)
