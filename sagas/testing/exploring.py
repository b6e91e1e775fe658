"""Every place at which a worker can die: `explore`."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from rich.console import Console
from rich.progress import Progress

from sagas.engine.timeline import timeline
from sagas.models import Incident, Saga
from sagas.record import clock
from sagas.testing.beginning import begin
from sagas.testing.cues import Cue
from sagas.testing.failure import Crash, Halt, StoryFailed
from sagas.testing.invariants import broken
from sagas.testing.journey import family, forgotten, travel
from sagas.testing.participants import Participant
from sagas.testing.story import Story
from sagas.testing.world import World
from sagas.words.definition import Definition


@dataclass
class Exploration:
    """What was explored: how many runs, and how they ended, each end with the crashes that led there."""

    ends: dict[str, list[str]] = field(default_factory=dict)

    @property
    def runs(self) -> int:
        return sum(len(crashes) for crashes in self.ends.values())

    def __str__(self) -> str:
        lines = [f"{self.runs} runs: " + ", ".join(f"{len(found)} {end}" for end, found in self.ends.items()) + "."]
        usual = max(self.ends, key=lambda end: len(self.ends[end]), default="")
        lines += [f"{end}: {crash}" for end, found in self.ends.items() if end != usual for crash in found]
        return "\n".join(lines)


def explore(
    definition: Definition,
    *things: Cue | Participant,
    input: Any = None,
    steps: Mapping[str, Any] | None = None,
    answers: Mapping[str, Any] | None = None,
    pairs: bool = False,
    check: Callable[[Story], None] | None = None,
) -> Exploration:
    """Run the saga again and again; each time the worker dies at another place, and another one takes over.

    The places are those after each commit, and those where a function has done its work and nothing is recorded yet;
    with `pairs` also every two of them. `things`, `input` and `steps` are those of `given`, `answers` those of
    `travel`: what comes for waits and approvals. `check` is called with the story at the end of every run, to hold your
    own invariants against it.

    After every commit no saga may be dead, and at the end of every run the invariants must hold: only legal moves, one
    result for each step, one key and one input for each generation, and after `compensated` and `cancelled` every
    effect undone, in reverse order of start. Raises `StoryFailed` with the crash and the timeline otherwise.
    """

    def run(*crashes: int) -> Voyage:
        with forgotten():
            story = begin(World(), definition, [*things], input=input, steps=steps)
            voyage = Voyage(story=story, crashes=crashes)
            voyage.sail(answers or {})
            if check is not None:
                voyage.must(check)
        return voyage

    found = Exploration()
    calm = run()
    found.ends.setdefault(calm.end, []).append("no crash")
    with _progress(calm.places, pairs) as advance:
        for first in range(1, calm.places + 1):
            voyages = [run(first)]
            if pairs:
                voyages += [run(first, second) for second in range(first + 1, voyages[0].places + 1)]
            for voyage in voyages:
                found.ends.setdefault(voyage.end, []).append(voyage.wreck)
            advance(len(voyages))
    return found


@dataclass
class Voyage:
    """One run, with the places it passed and the crashes it took."""

    story: Story
    crashes: tuple[int, ...]
    places: int = 0
    end: str = ""
    wrecks: list[str] = field(default_factory=list)

    @property
    def wreck(self) -> str:
        return "; ".join(self.wrecks) or "no crash"

    def sail(self, answers: Mapping[str, Any]) -> None:
        """To the end; what must hold is held against it."""
        self.story.world.at_boundary = self._at
        try:
            travel(self.story, answers)
        except StoryFailed as error:
            raise StoryFailed(f"{self._which()} {error}") from error
        finally:
            self.story.world.at_boundary = None
        sagas, calls = family(self.story.saga), self.story.calls_of_all
        for saga in sagas:
            for sentence in broken(saga, self.story.tables[saga.definition], calls):
                self._fail(sentence)
        if not sagas[0].ended_at and not any(saga.open_incidents for saga in sagas):
            self._fail(f"The saga does not end: it is {sagas[0].state}.")
        self.end = _end(sagas)

    def must(self, check: Callable[[Story], None]) -> None:
        """Hold the caller's own check against the end of it."""
        try:
            check(self.story)
        except AssertionError as error:
            raise StoryFailed(f"{self._which()} {error}\n\n{self.story.timeline()}") from error

    def _at(self, place: str) -> None:
        self.places += 1
        is_new = self.places >= min(self.crashes, default=0)  # up to the first crash it goes as without one
        if place == "committed" and is_new:
            dead = set(Saga.objects.dead(clock.now()))
            if dead and dead & set(family(self.story.saga)):
                raise Halt("Nothing would ever move this saga again.")
        if self.places in self.crashes:
            self.wrecks.append(self._where(place))
            raise Crash

    def _where(self, place: str) -> str:
        entries = timeline(self.story.saga, quiet=True)
        last = entries[-1].text if entries else "it began"
        if place == "called":
            return f"the worker died when {self.story.calls_of_all[-1].function} had done its work, unrecorded"
        return f"the worker died after the commit of: {last}"

    def _which(self) -> str:
        return f"Crash {' and '.join(map(str, self.crashes))}, {self.wreck}." if self.crashes else "Without a crash:"

    def _fail(self, sentence: str) -> None:
        raise StoryFailed(f"{self._which()} {sentence}\n\n{self.story.timeline()}")


def _end(sagas: list[Saga]) -> str:
    """How it ended: the state of the first, and what people are needed for."""
    reasons = Incident.objects.open().filter(saga__in=sagas).values_list("reason", flat=True)
    return f"{sagas[0].state} ({', '.join(sorted(set(reasons)))})" if reasons else sagas[0].state


@contextmanager
def _progress(places: int, pairs: bool) -> Iterator[Any]:
    """A bar where somebody looks."""
    console = Console(stderr=True)
    total = places + (places * places) // 2 * pairs
    with Progress(console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task("Crashes", total=total)
        yield lambda number: bar.advance(task, number)
