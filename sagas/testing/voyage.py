"""One run of a saga, with what happens to it at numbered places: the heart of `explore`.

A place is a boundary of the running process (`sagas.words.boundaries`). What happens there is a function of the voyage:
`dies`, `hangs`, or one of the caller's own.
"""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from sagas.conf import conf
from sagas.engine.timeline import timeline
from sagas.models import Run, Saga, Work
from sagas.record import clock
from sagas.testing.failure import Crash, Halt, Hang, StoryFailed
from sagas.testing.invariants import broken
from sagas.testing.journey import family, travel
from sagas.testing.reading import tables_of
from sagas.testing.story import Story
from sagas.testing.world import World
from sagas.words.rows import Step

EFFECTS = frozenset({"committed", "called", "answered"})
"""The places after which something has happened: dying at any other is dying at the last of these."""
PROMPT = timedelta(seconds=15)
"""What was under way, or due, when a worker died goes on within so long."""

Event = Callable[["Voyage"], None]


def dies(voyage: "Voyage") -> None:
    """The worker dies, and another one begins."""
    raise Crash


def hangs(voyage: "Voyage") -> None:
    """What is under way is never heard of again, and nobody knows: its process lives on."""
    raise Hang


@dataclass
class Voyage:
    """One run, with the places it passed and what happened there."""

    world: World
    begin: Callable[[], Story]
    events: Mapping[int, Event] = field(default_factory=dict)
    at: Collection[str] = EFFECTS
    places: int = 0
    wrecks: list[str] = field(default_factory=list)
    _story: Story | None = None
    _busy: bool = False
    _overdue_at: timedelta | None = None
    _silent_until: timedelta = timedelta(0)

    @property
    def story(self) -> Story:
        if self._story is None:
            raise RuntimeError("The voyage has not begun.")
        return self._story

    @property
    def unbegun(self) -> bool:
        return self._story is None

    @property
    def wreck(self) -> str:
        return "; ".join(self.wrecks) or "no crash"

    def sail(self, answers: Mapping[str, Any]) -> None:
        """To the end; then `judge` it."""
        self.world.at_boundary = self._at
        try:
            self._embark()
            travel(self.story, answers)
        except StoryFailed as error:
            raise StoryFailed(f"{self._which()} {error}") from error
        except Halt as error:
            raise StoryFailed(f"{self._which()} {error}{self._timeline()}") from None
        finally:
            self.world.at_boundary = None

    def judge(self) -> None:
        """Hold the invariants against what is there now."""
        sagas, calls = family(self.story.saga), self.story.calls_of_all
        sentences = [said for saga in sagas for said in broken(saga, self.story.tables[saga.definition], calls)]
        if sentences:
            self.fail(" ".join(sentences))
        if not sagas[0].ended_at and not any(saga.open_incidents for saga in sagas):
            self.fail(f"The saga does not end: it is {sagas[0].state}.")

    def must(self, check: Callable[[Story], None]) -> None:
        """Hold the caller's own check against the end of it."""
        try:
            check(self.story)
        except AssertionError as error:
            raise StoryFailed(f"{self._which()} {error}{self._timeline()}") from error

    def fail(self, sentence: str) -> None:
        """Raises `StoryFailed` with what happened, and the timeline."""
        raise StoryFailed(f"{self._which()} {sentence}{self._timeline()}")

    def _embark(self) -> None:
        """Whoever begins the saga dies as well, and then begins it again."""
        while self._story is None:
            try:
                self._story = self.begin()
            except Crash:
                continue

    def _at(self, place: str) -> None:
        if place not in self.at or self._busy:
            return
        self.places += 1
        is_new = self.places >= min(self.events, default=0)  # up to the first event it goes as without one
        if self._story is not None and is_new:
            self._look(place)
        event = self.events.get(self.places)
        if event is None:
            return
        self.wrecks.append(self._where(place, event))
        self._busy = True
        try:
            self._note_what_is_urgent(event)
            event(self)
        finally:
            self._busy = False

    def _look(self, place: str) -> None:
        """After each commit: does anything still move the saga, and did what was urgent go on in time?"""
        if place != "committed":
            return
        dead = set(Saga.objects.dead(clock.now()))
        if dead and dead & set(family(self.story.saga)):
            raise Halt("Nothing would ever move this saga again.")
        if self._overdue_at is not None and self.world.ahead > self._overdue_at:
            raise Halt(f"It went on {self.world.ahead - self._overdue_at} later than promised.")
        self._overdue_at = None

    def _note_what_is_urgent(self, event: Event) -> None:
        """From a death it goes on soon, from a silence when the attempt's time is over."""
        if event not in (dies, hangs) or self._story is None:
            return
        runs = Run.objects.filter(saga__in=family(self.story.saga), saga__paused_at=None)
        due = runs.filter(work=Work.DUE, at__lte=clock.now())
        if runs.filter(work=Work.RUNNING).exists() and event is hangs:
            self._overdue_at = self._silent_until = self.world.ahead + PROMPT + self._longest()
        elif runs.filter(work=Work.RUNNING).exists() or due.exists():  # and one of them may have fallen silent before
            self._overdue_at = max(self.world.ahead + PROMPT, self._silent_until)

    def _longest(self) -> timedelta:
        """The longest that an attempt of these tables may take."""
        places = [place for table in tables_of(self.story.definition) for place in table.walk()]
        timeouts = [place.row.timeout or timedelta(0) for place in places if isinstance(place.row, Step)]
        return max(timeouts, default=timedelta(0)) + conf().lease_margin

    def _where(self, place: str, event: Event) -> str:
        by = f"it was {getattr(event, '__name__', event)} by somebody"
        ends: dict[Event, str] = {dies: "the worker died", hangs: "the worker fell silent"}
        who = ends.get(event, by)
        if self._story is None:
            return f"{who} ({place}) while it was begun"
        calls = self.story.calls_of_all
        if place in ("called", "answered") and calls:
            done = "had done its work" if calls[-1].landed else "had answered"
            return f"{who} when {calls[-1].function} {done if place == 'called' else 'had its answer'}, unrecorded"
        entries = timeline(self.story.saga, details=True)
        last = entries[-1].text if entries else "it began"
        when = "after the commit of" if place == "committed" else f"at {place!r}, after"
        return f"{who} {when}: {last}"

    def _which(self) -> str:
        return f"Crash {' and '.join(map(str, self.events))}, {self.wreck}." if self.events else "Without a crash:"

    def _timeline(self) -> str:
        return f"\n\n{self._story.timeline()}" if self._story is not None else ""
