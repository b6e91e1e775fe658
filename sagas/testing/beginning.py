"""Begin a story: `given`, or `story_of` a saga that there is."""

from collections.abc import Iterable, Mapping
from typing import Any
from uuid import UUID

from sagas import operations
from sagas.conf import conf
from sagas.models import Saga, Worker
from sagas.record import clock
from sagas.testing.cues import Cue
from sagas.testing.participants import Participant
from sagas.testing.script import Script
from sagas.testing.story import Story
from sagas.testing.world import World
from sagas.words import registry
from sagas.words.definition import Definition
from sagas.words.faults import faults_of

_world = World()


def given(
    definition: Definition,
    *things: Cue | Participant,
    input: Any = None,
    steps: Mapping[str, Any] | None = None,
    **options: Any,
) -> Story:
    """A saga of that table has begun; nothing of it has happened yet.

    `things` are what goes wrong and what participants answer. `steps` says for a step, or for the function that undoes
    it, what it answers instead of being called: a value, an exception, a function of the context, or `in_turn(…)`;
    under "*" for all that are not named. `options` are those of `sagas.operations.start`, such as `business_key`.

    Stories of one test share their clock. Raises what `start` raises, and `ValueError` for a table that has faults.
    """
    if faults := faults_of(definition):
        raise ValueError("\n".join([f"The table of {definition.name!r} is not in order:", *faults]))
    return begin(this_world(), definition, things, input=input, steps=steps, **options)


def story_of(saga: Saga | UUID, *things: Cue | Participant, steps: Mapping[str, Any] | None = None) -> Story:
    """The story of a saga that was begun elsewhere in this test, by a view or a signal; it goes on from where it is."""
    row = saga if isinstance(saga, Saga) else Saga.objects.get(pk=saga)
    world = this_world()
    written = world.written.get((row.definition, row.version))
    definition = written or registry.get(row.definition, row.version)
    script = Script(definition)
    script.add(*things, steps=steps)
    world.knows(definition)
    world.cast.add(row.pk, script)
    return Story(world, row.pk, definition, script)


def begin(
    world: World,
    definition: Definition,
    things: Iterable[Cue | Participant],
    *,
    input: Any,
    steps: Mapping[str, Any] | None,
    **options: Any,
) -> Story:
    """A saga has begun in that world. Raises `RuntimeError` on a database that workers live on."""
    script = Script(definition)
    script.add(*things, steps=steps)
    world.knows(definition)
    with world.lit():
        _check_database()
        begun = operations.start(definition.name, input, version=definition.version, actor="a test", **options)
    world.cast.add(begun.saga.pk, script)
    return Story(world, begun.saga.pk, definition, script)


def _check_database() -> None:
    if Worker.objects.alive(clock.now(), conf().gone_after).exists():
        raise RuntimeError(
            "Workers live on this database, and a story plays with its clocks; give it a test's database, "
            "with pytest's mark `django_db`."
        )


def this_world() -> World:
    """The world of this test: a new one when the database has forgotten what was played in the last."""
    global _world
    if not _world.lasts():
        _world = World()
    return _world
