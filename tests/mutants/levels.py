"""The levels of the tests at which mutants are looked for: each tells its runs one by one, and raises when it finds."""

from collections.abc import Callable, Iterator
from random import Random

from tests.crashes.course import plans, sail, sail_like
from tests.mutants.mutant import Mutant
from tests.mutants.scenarios import told
from tests.sagas.test_storms import Storm, leave_nothing
from tests.sagas.world import a_world
from tests.schedules.keeping import FOUND, kept
from tests.schedules.schedule import play

Level = Callable[[Mutant], Iterator[None]]


def crash_points(mutant: Mutant) -> Iterator[None]:
    """The mutant's courses: with nothing, and with what it names at every place, in a fixed random order."""
    for plan in plans():
        if mutant.where not in str(plan):
            continue
        calm = sail(plan)
        yield
        events = [plan.with_event(place, what) for place in range(1, calm.places + 1) for what in mutant.events]
        for course in Random(mutant.name).sample(events, len(events)):
            sail_like(course, calm)
            yield


def scenario(mutant: Mutant) -> Iterator[None]:
    """One story."""
    told(mutant.where)
    yield


def storms(mutant: Mutant) -> Iterator[None]:
    """Random tables and random hostility; the same ones each time."""
    for number in range(mutant.runs):
        leave_nothing()
        with a_world() as world:
            storm = Storm(world, f"mutants:{number}")
            storm.rage()
            storm.check_effects()
        yield


def schedules(mutant: Mutant) -> Iterator[None]:
    """The schedule that is kept under that name; without the mistake nothing is wrong in it, as its own test sees."""
    found = play(*kept(FOUND / f"{mutant.where}.json"))
    assert not found.wrong, found.wrong[0]
    yield


LEVELS: dict[str, Level] = {
    "crash points": crash_points,
    "scenario": scenario,
    "race on PostgreSQL": scenario,
    "storms": storms,
    "schedule": schedules,
}
