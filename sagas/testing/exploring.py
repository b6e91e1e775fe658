"""Every place at which a worker can die: `explore`."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from rich.console import Console
from rich.progress import Progress

from sagas.models import Incident, Saga
from sagas.testing.beginning import begin
from sagas.testing.cues import Cue
from sagas.testing.journey import family, forgotten
from sagas.testing.participants import Participant
from sagas.testing.story import Story
from sagas.testing.voyage import Voyage, dies
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

    The places are those after each commit, and those where a participant has answered, or a function has come back, and
    nothing is recorded yet; with `pairs` also every two of them. `things`, `input` and `steps` are those of `given`,
    `answers` those of `travel`: what comes for waits and approvals. `check` is called with the story at the end of
    every run, to hold your own invariants against it.

    After every commit no saga may be dead, what was under way goes on within 15 s, and at the end of every run the
    invariants must hold: only legal moves, one result for each step, one key and one input for each generation, and
    after `compensated` and `cancelled` every effect undone, in reverse order of start. Raises `StoryFailed` with the
    crash and the timeline otherwise.
    """

    def run(*crashes: int) -> Voyage:
        with forgotten():
            world = World()
            story = begin(world, definition, [*things], input=input, steps=steps)
            voyage = Voyage(world=world, begin=lambda: story, events=dict.fromkeys(crashes, dies))
            voyage.sail(answers or {})
            voyage.judge()
            if check is not None:
                voyage.must(check)
            found.ends.setdefault(_end(family(story.saga)), []).append(voyage.wreck)
        return voyage

    found = Exploration()
    calm = run()
    with _progress(calm.places, pairs) as advance:
        for first in range(1, calm.places + 1):
            places = run(first).places
            seconds = range(first + 1, places + 1) if pairs else ()
            for second in seconds:
                run(first, second)
            advance(1 + len(seconds))
    return found


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
