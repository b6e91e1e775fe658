"""The story of a saga as people read it, from sagas that really ran."""

import pytest

from sagas import Abort, saga, step
from sagas.timeline import timeline
from tests.sagas.world import World

pytestmark = pytest.mark.django_db(transaction=True)


def story(found, *, quiet: bool = False) -> list[str]:
    return [entry.text for entry in timeline(found, quiet=quiet)]


def test_a_saga_that_went_well_is_told_in_its_steps(world: World) -> None:
    table = saga("order", step(world.charge, compensation=world.refund), step(world.ship, no_compensation="gone"))
    found = world.run_through(world.start(table))
    assert story(found) == [
        "the saga is started by a test",
        "charge succeeded",
        "ship succeeded",
        "the saga completed",
    ]


def test_a_refusal_turns_it_back_and_every_undoing_is_told(world: World) -> None:
    world.script("ship", Abort("no such street"))
    table = saga("order", step(world.charge, compensation=world.refund), step(world.ship, no_compensation="gone"))
    found = world.run_through(world.start(table))
    assert story(found)[2:] == [
        "ship was refused: no such street",
        "the saga goes back",
        "charge is undone",
        "the saga ended compensated: everything it had done is undone",
    ]
    assert [entry.tone for entry in timeline(found)][2:] == ["trouble", "back", "back", "back"]
