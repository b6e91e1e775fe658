"""A saga under test: what is expected of it, in the words of its table.

Every word first lets the saga go on until nothing happens by itself, and then looks. One that does not hold raises
`StoryFailed` with the saga's timeline.
"""

import difflib
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from typing import Any, NoReturn
from uuid import UUID

from sagas.models import Incident, OutboxEvent, Run, Saga, Work
from sagas.testing.cues import Cue
from sagas.testing.failure import Halt, StoryFailed, a_list
from sagas.testing.participants import Participant, Request
from sagas.testing.reading import forward_order, moved, once, results_of, tables_of, way_back_order
from sagas.testing.script import Call, Script
from sagas.testing.timeline import as_text
from sagas.testing.verbs import Verbs
from sagas.testing.world import World
from sagas.words.definition import Definition
from sagas.words.events import OWN
from sagas.words.lifecycle import StepState
from sagas.words.rows import Child, Wait


class Story(Verbs):
    """One saga and what is expected of it. Begun by `given`."""

    def __init__(self, world: World, saga_id: UUID, table: Definition, script: Script) -> None:
        self.id = saga_id
        self.definition = table
        self.world = world
        self._script = script
        self._ran = self._undone = 0

    @property
    def saga(self) -> Saga:
        """Its row, as it is now."""
        return Saga.objects.get(pk=self.id)

    # What is expected

    def runs(self, *steps: str) -> None:
        """Exactly these steps have succeeded since the last `runs`, in this order; side by side in any order.

        An `each`'s step is named once for all its items. Waits and approvals are not named: they are answered.
        """
        __tracebackhide__ = True
        self.settles()
        self._check(steps)
        done = moved(self.id, self.definition, "succeeded")
        ran, self._ran = once(done[self._ran :]), len(done)
        if forward_order(ran, self.definition) != forward_order(steps, self.definition):
            self.fail(f"Expected that {a_list(steps)} ran, but it was {a_list(ran)}.")

    def compensates(self, *steps: str) -> None:
        """Exactly these steps have been undone since the last `compensates`, in this order."""
        __tracebackhide__ = True
        self.settles()
        self._check(steps)
        done = moved(self.id, self.definition, "undone")
        undone, self._undone = once(done[self._undone :]), len(done)
        if way_back_order(undone, self.definition) != way_back_order(steps, self.definition):
            self.fail(f"Expected that {a_list(steps)} were undone, in this order, but it was {a_list(undone)}.")

    def ends(self, state: str) -> None:
        """The saga has ended so: `completed`, `compensated`, `cancelled` or `failed`."""
        __tracebackhide__ = True
        self.settles()
        saga = self.saga
        if saga.state != state:
            self.fail(f"Expected that the saga ends {state}, but it {'ended' if saga.ended_at else 'is'} {saga.state}.")

    def waits_for(self, name: str) -> None:
        """The saga waits for this: a row by its name, or a signal."""
        __tracebackhide__ = True
        self.settles()
        signals = {p.row.signal: p.path for p in self.definition.walk() if isinstance(p.row, Wait)}
        if name not in signals:
            self._check([name])
        open_rows = Run.objects.filter(saga_id=self.id, work=Work.WAITING).order_by("id")
        waiting = list(open_rows.values_list("path", flat=True))
        if name not in waiting and signals.get(name) not in waiting:
            self.fail(f"Expected that the saga waits for {name}, but it waits for {a_list(waiting)}.")

    def needs_a_person(self, step: str = "", *, reason: str | None = None) -> None:
        """An incident is open for that step (without a name, for the saga as a whole), for that reason if one is given.

        `reason` is an incident's: "refused", "retries_exhausted", "outcome_unknown", … (`sagas.words.verdict.Reason`).
        """
        __tracebackhide__ = True
        self.settles()
        self._check([step] if step else [])
        found = list(Incident.objects.open().filter(saga_id=self.id))
        if not any(one.path == step and reason in (None, one.reason, one.reason_code) for one in found):
            there_are = a_list(f"{one.path or 'the saga'} ({one.reason})" for one in found)
            because = f" ({reason})" if reason else ""
            self.fail(f"Expected that {step or 'the saga'}{because} needs a person, but what does is {there_are}.")

    def needs_nobody(self) -> None:
        """No incident is open."""
        __tracebackhide__ = True
        self.settles()
        if found := list(Incident.objects.open().filter(saga_id=self.id)):
            there_are = a_list(f"{one.path or 'the saga'} ({one.reason})" for one in found)
            self.fail(f"Expected that nobody is needed, but a person is: {there_are}.")

    def leaves_out(self, *rows: str) -> None:
        """These rows were skipped: not taken, or optional and failed."""
        __tracebackhide__ = True
        self.settles()
        self._check(rows)
        states = dict(Run.objects.filter(saga_id=self.id).values_list("path", "state"))
        if wrong := [row for row in rows if states.get(row) != StepState.SKIPPED]:
            said = a_list(f"{row} is {states.get(row, 'not reached')}" for row in wrong)
            self.fail(f"Expected that {a_list(rows)} were left out, but {said}.")

    # What there is to look at

    @property
    def results(self) -> Mapping[str, Any]:
        """The results so far by the row's name, as `ctx.results` has them."""
        __tracebackhide__ = True
        self.settles()
        return results_of(self.id, self.definition)

    @property
    def published(self) -> list[tuple[str, Any]]:
        """What its steps have published, in order: type and data."""
        __tracebackhide__ = True
        self.settles()
        told = OutboxEvent.objects.of_saga(self.id).exclude(type__startswith=OWN)
        return list({event.event_id: (event.type, event.document["data"]) for event in told}.values())

    @property
    def requests(self) -> list[Request]:
        """What participants were asked in this story, in order."""
        __tracebackhide__ = True
        self.settles()
        return self._script.outside.requests

    @property
    def calls(self) -> list[Call]:
        """Every call of a function of this saga's steps, in order."""
        __tracebackhide__ = True
        self.settles()
        return [call for call in self._script.calls if call.saga == self.id]

    @property
    def calls_of_all(self) -> list[Call]:
        """Every call so far, those of its children's steps included; nothing goes on for it."""
        return self._script.calls

    @property
    def tables(self) -> Mapping[str, Definition]:
        """Its table and those of its children, by name."""
        return {table.name: table for table in tables_of(self.definition)}

    def timeline(self) -> str:
        """What happened, line by line."""
        with self.world.lit():
            return as_text(self.saga)

    def child(self, name: str) -> "Story":
        """The saga that belongs to that row."""
        __tracebackhide__ = True
        self.settles()
        self._check([name])
        row = self.definition.places[name].row
        found = Saga.objects.filter(parent__saga_id=self.id, parent__path=name).order_by("-id").first()
        if not isinstance(row, Child) or found is None:
            self.fail(f"{name} has no saga of its own{' yet' if isinstance(row, Child) else ''}.")
        return Story(self.world, found.pk, row.definition, self._script)

    # What changes

    def given(self, *things: "Cue | Participant", steps: Mapping[str, Any] | None = None) -> None:
        """More for the script, from now on: what goes wrong, what participants answer, what steps do."""
        __tracebackhide__ = True
        self.settles()
        self._script.add(*things, steps=steps)

    def later(self, by: timedelta) -> None:
        """Time passes; whatever has its time meanwhile happens."""
        __tracebackhide__ = True
        with self.telling():
            self.world.later(by)

    @contextmanager
    def meanwhile(self) -> Iterator[None]:
        """Within this context the product lives in this world, its clock too: for requests of your own to its API."""
        self.settles()
        with self.world.lit():
            yield

    def settles(self) -> None:
        """Go on until nothing happens by itself; every other word does this first."""
        __tracebackhide__ = True
        with self.telling():
            self.world.settle()

    def fail(self, sentence: str) -> NoReturn:
        """Raise `StoryFailed` with that sentence and the timeline."""
        __tracebackhide__ = True
        raise StoryFailed(f"{sentence}\n\n{self.timeline()}")

    @contextmanager
    def telling(self) -> Iterator[None]:
        """What goes wrong in the world is told with the timeline."""
        __tracebackhide__ = True
        try:
            yield
        except Halt as error:
            raise StoryFailed(f"{error}\n\n{self.timeline()}") from None
        except StoryFailed as error:
            raise StoryFailed(f"{error}\n\n{self.timeline()}") from error

    def _check(self, names: Iterable[str]) -> None:
        """Raises `LookupError` for a name that the table does not have."""
        for name in names:
            if name not in self.definition.places:
                near = difflib.get_close_matches(name, self.definition.places, 1)
                hint = f"did you mean {near[0]!r}?" if near else f"there are: {a_list(self.definition.places)}."
                raise LookupError(f"{self.definition.name} has no row {name!r}; {hint}")

    def _of(self, saga_id: UUID) -> "Story":
        self.world.cast.add(saga_id, self._script)
        return Story(self.world, saga_id, self.definition, self._script)
