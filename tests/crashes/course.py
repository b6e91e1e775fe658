"""One run: a shape, what goes wrong at its participants, how workers hear, and what happens at which places."""

import inspect
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import partial
from random import Random

from django.apps import apps
from django.db import OperationalError, connection, transaction

from sagas import operations
from sagas.engine import delivery
from sagas.errors import NotAllowed
from sagas.models import Hold, Incident, Journal, Run, Saga
from sagas.operations import holding
from sagas.record import holds
from sagas.testing.beginning import begin
from sagas.testing.failure import StoryFailed
from sagas.testing.journey import family
from sagas.testing.voyage import Event, Voyage, dies, hangs
from sagas.testing.world import World
from sagas.words import boundaries
from sagas.words.verdict import POISON, Reason
from tests.crashes.post import POSTS
from tests.crashes.shapes import LEDGER, SHAPES, SHOP, Shape

PLACES = boundaries.ALL - {"calling", "sending", "ringing", "firing", "telling", "deciding", "decided"}
"""After an effect. Dying at one of the others, with nothing done since the last of these, is dying at that."""
APPS = ("sagas", "saga_participant")
EVENTS = ("dies", "hangs", "cancels", "holds", "cuts")
TAKEN_BACK = ("worker_gone", "lease_expired")
AGAIN = 6
"""So often a participant is released at most."""


@dataclass(frozen=True)
class Course:
    """What is to happen; `str` tells it so that `parse` reads it again."""

    shape: str
    trouble: str = "nothing"
    post: str = "told"
    events: tuple[tuple[int, str], ...] = ()

    def __str__(self) -> str:
        events = " ".join(f"{place}:{what}" for place, what in self.events)
        return "/".join([self.shape, self.trouble, self.post, events])

    @classmethod
    def parse(cls, told: str) -> "Course":
        shape, trouble, post, events = told.split("/")
        pairs = [one.split(":") for one in events.split()]
        return cls(shape, trouble, post, tuple((int(place), what) for place, what in pairs))

    def with_event(self, place: int, what: str) -> "Course":
        return replace(self, events=(*self.events, (place, what)))


@dataclass(frozen=True)
class Landed:
    """How a run came out: the places it passed, its end, and why it needs a person, if it does."""

    places: int
    state: str
    troubles: frozenset[str]

    @property
    def needs_a_person(self) -> bool:
        return bool(self.troubles)


class Cancel:
    """Somebody else cancels the saga at this very moment; the answer must turn out to be true."""

    __name__ = "cancelled"

    def __init__(self) -> None:
        self.answer: str | None = None
        self.state = ""

    def __call__(self, voyage: Voyage) -> None:
        if connection.in_atomic_block or voyage.unbegun:  # it would wait for that transaction
            return
        found = voyage.story.saga
        try:
            operations.cancel(found.pk, actor="a customer", reason="changed her mind")
            self.answer = "" if not found.is_going_back else "already going back"
        except NotAllowed as error:
            self.answer = error.code
        self.state = voyage.story.saga.state

    def is_true_of(self, end: str) -> bool:
        """Is what the caller was told what became of it?"""
        match self.answer:
            case "":
                return end in ("cancelled", "stuck")
            case "ended":
                return end == self.state
            case "committed":
                return end in ("completed", "stuck")
        return True


class Held:
    """Somebody holds the participant at this very moment, and every worker hears of it at once."""

    __name__ = "held"

    def __call__(self, voyage: Voyage) -> None:
        if connection.in_atomic_block:  # its commit would be that transaction's
            return
        with suppress(NotAllowed):
            holding.hold(SHOP, actor="an operator", reason="it answers 500")
        holds.look()


def cut(voyage: Voyage) -> None:
    """A worker's connection is cut: it does not hear what became of its transaction."""
    frame = inspect.currentframe()
    while frame is not None and frame.f_code is not delivery._patiently.__code__:
        frame = frame.f_back
    if frame is not None:
        raise OperationalError("the connection was cut")


class Release(Voyage):
    """A voyage that, when it has come as far as it comes while the participant is held, goes on after its release."""

    def _embark(self) -> None:
        super()._embark()
        if Hold.objects.open().exists():
            with self.world.lit():
                while Hold.objects.open().filter(released_at=None).exists():
                    self.world.dying(self._release)
            self.story.later(timedelta(seconds=5))

    def _release(self) -> None:
        holding.release(SHOP, actor="an operator", reason="it answers again", rate=10)
        holds.look()


def sail(course: Course) -> Landed:
    """Run it, on an empty database, and hold everything against it. Raises `StoryFailed`, which tells how to replay."""
    try:
        return _sail(course)
    except StoryFailed as error:
        raise StoryFailed(f"{error}\nreplay with CRASH='{course}'") from None


def sail_like(course: Course, calm: Landed) -> Landed:
    """Run it, and hold it against the same without a death: unless people cancelled it, it must end like that."""
    found = sail(course)
    cancelled = any(what == "cancels" for _, what in course.events)
    doubtful = SHAPES[course.shape].doubt == course.trouble
    worn_out = found.troubles == {Reason.CRASHED} and wears_out(course)
    excused = cancelled or worn_out or (found.needs_a_person and doubtful)
    if not excused and (found.state, found.needs_a_person) != (calm.state, calm.needs_a_person):
        why = f"It ended {found.state}, and without a death {calm.state}; a person is needed: {found.needs_a_person}."
        raise StoryFailed(f"{why}\nreplay with CRASH='{course}'")
    return found


def wears_out(course: Course) -> bool:
    """Can one step lose so many attempts in a row that it is not tried any more? A late answer is one of them."""
    lost = [what for _, what in course.events if what in ("dies", "hangs")]
    return len(lost) + course.trouble.endswith("answers late") >= POISON


def _sail(course: Course) -> Landed:
    shape = SHAPES[course.shape]
    LEDGER.clear()
    holds.forget()
    wipe()
    world, cancels = World(), [Cancel() for _ in course.events]
    world.post = POSTS[course.post](world)
    things = [LEDGER.participant(), *shape.troubles[course.trouble]]
    events = {place: _event(what, mine) for (place, what), mine in zip(course.events, cancels, strict=True)}
    started = partial(begin, world, shape.table, things, input=None, steps=None, business_key="A-1")
    voyage = Release(world=world, begin=started, events=events, at=PLACES)
    voyage.sail(shape.answers)
    for _ in range(AGAIN):
        if Hold.objects.open().exists():
            voyage.sail(shape.answers)
    LEDGER.arrive()
    voyage.judge()
    return _judged(voyage, course, shape, cancels)


def _event(what: str, cancel: Cancel) -> Event:
    return {"dies": dies, "hangs": hangs, "holds": Held(), "cuts": cut}.get(what, cancel)


def _lost(sagas: list[Saga]) -> Iterator[str]:
    """Nobody died or was called off: whoever had an attempt has recorded it, whatever it heard of its commits."""
    for row in Journal.objects.filter(saga__in=sagas).order_by("rev"):
        for move in row.moves:
            if move.get("code") in TAKEN_BACK or move.get("did") == "late":
                yield f"An attempt of {move['step']} was lost, and nobody had died: {move}."


def _judged(voyage: Voyage, course: Course, shape: Shape, cancels: list[Cancel]) -> Landed:
    sagas = family(voyage.story.saga)
    for sentence in LEDGER.faults(sagas, shape.tables):
        voyage.fail(sentence)
    end = sagas[0].state
    for cancel in cancels:
        if not cancel.is_true_of(end):
            voyage.fail(f"Who cancelled it was told {cancel.answer or 'yes'!r}, and it is {end}.")
    if Saga.objects.count() != len(sagas):
        voyage.fail("It was begun twice.")
    if course.trouble == "nothing" and {what for _, what in course.events} <= {"cuts", "holds"}:
        for sentence in _lost(sagas):
            voyage.fail(sentence)
    for run in Run.objects.filter(hold__isnull=False):
        voyage.fail(f"{run.path} waits for a participant that nobody holds.")
    troubles = Incident.objects.open().filter(saga__in=sagas).values_list("reason", flat=True)
    if len(troubles) != sum(saga.open_incidents for saga in sagas):
        voyage.fail(f"It counts other incidents than there are: {list(troubles)}.")
    return Landed(voyage.places, end, frozenset(troubles))


def wipe() -> None:
    """Leave nothing in that database that an earlier run wrote."""
    with transaction.atomic(), connection.cursor() as cursor:
        for table in _tables():
            cursor.execute(f'DELETE FROM "{table}"')


def _tables() -> list[str]:
    models = [model for app in APPS for model in apps.get_app_config(app).get_models()]
    return [model._meta.db_table for model in models if not model._meta.proxy]


# Which courses there are


def plans() -> Iterator[Course]:
    """Every shape with everything that goes wrong, told once; and with nothing wrong, however workers hear."""
    for shape in SHAPES.values():
        for trouble in shape.troubles:
            yield Course(shape.name, trouble)
        for post in POSTS:
            if post != "told":
                yield Course(shape.name, post=post)


def first_plans() -> Iterator[Course]:
    """Every shape forward to its end, and from as far as it comes all the way back."""
    for shape in SHAPES.values():
        yield Course(shape.name)
        yield Course(shape.name, shape.last_refuses)


def events_of(plan: Course) -> tuple[str, ...]:
    """What happens at the places of a plan: deaths everywhere, the rest where nothing else goes wrong."""
    return EVENTS if plan.trouble == "nothing" and plan.post == "told" else EVENTS[:1]


def singles(plan: Course, places: int) -> Iterator[Course]:
    """A death at every place."""
    for place in range(1, places + 1):
        yield plan.with_event(place, "dies")


def further(course: Course, places: int, chance: Random) -> Course | None:
    """One event more, later than those that it has; None when there is no later place."""
    after = course.events[-1][0] if course.events else 0
    if places <= after:
        return None
    return course.with_event(chance.randint(after + 1, places), chance.choice(EVENTS))
