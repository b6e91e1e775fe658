"""`pause` and `resume`: nothing new begins, and nothing that comes meanwhile is lost."""

import pytest

from sagas import operations
from sagas.errors import NotAllowed
from sagas.models import Saga
from sagas.words.outcome import Succeeded
from tests.sagas.operations import states
from tests.sagas.operations.states import BY, fresh
from tests.sagas.world import World

pytestmark = pytest.mark.django_db


def code_of(verb: object, found: Saga) -> str:
    with pytest.raises(NotAllowed) as refusal:
        verb(found.pk, **BY)
    return refusal.value.code


def test_a_pause_says_by_whom_since_when_and_why(world: World) -> None:
    found = operations.pause(states.due(world).pk, actor="ann", reason="the bank is closed")
    assert (found.paused_by, found.paused_why) == ("ann", "the bank is closed")
    assert found.paused_at is not None
    resumed = operations.resume(found.pk, **BY)
    assert (resumed.paused_at, resumed.paused_by, resumed.paused_why) == (None, "", "")


@pytest.mark.parametrize(("name", "state"), [("due", "running"), ("asleep", "waiting"), ("held_refused", "stuck")])
def test_a_pause_is_beside_the_state(world: World, name: str, state: str) -> None:
    assert operations.pause(states.STATES[name](world).pk, **BY).state == state


def test_a_second_pause_and_a_resume_of_what_is_not_paused_are_refused(world: World) -> None:
    found = states.due(world)
    assert code_of(operations.resume, found) == "not_paused"
    operations.pause(found.pk, **BY)
    assert code_of(operations.pause, found) == "paused"


def test_an_ended_saga_is_neither_paused_nor_resumed(world: World) -> None:
    found = states.completed(world)
    assert code_of(operations.pause, found) == code_of(operations.resume, found) == "ended"


def test_a_saga_whose_last_attempt_ends_in_a_pause_completes(world: World) -> None:
    found = states.begun(world)
    held = world.attempt(found, "charge")
    operations.pause(found.pk, **BY)
    world.answer(held, Succeeded())
    assert fresh(found).state == "completed"


def test_children_are_paused_along_and_resumed_along(world: World) -> None:
    found = states.waiting_for_a_child(world)
    operations.pause(found.pk, **BY)
    world.work()
    assert states.child_of(found).paused_at is not None
    operations.resume(found.pk, **BY)
    world.work()
    assert states.child_of(found).paused_at is None


def test_children_go_on_when_told_otherwise(world: World) -> None:
    found = states.waiting_for_a_child(world)
    operations.pause(found.pk, children=False, **BY)
    world.work()
    born = states.child_of(found)
    assert born.paused_at is None
    operations.signal(born.pk, "picked_up", actor="carrier")
    world.work()
    assert (fresh(born).state, fresh(found).state) == ("completed", "completed")


def test_a_step_in_back_off_is_tried_after_the_resume_and_not_during_the_pause(world: World) -> None:
    found = states.in_back_off(world)
    operations.pause(found.pk, **BY)
    world.sweep_later(states.HOUR)
    world.work()
    assert world.called == ["charge"]
    operations.resume(found.pk, **BY)
    world.work()
    assert (fresh(found).state, world.called) == ("completed", ["charge", "charge"])


def test_a_saga_that_has_not_begun_may_be_paused_and_begins_after_the_resume(world: World) -> None:
    found = states.to_begin_later(world)
    operations.pause(found.pk, **BY)
    world.sweep_later(2 * states.HOUR)
    world.work()
    assert world.called == []
    operations.resume(found.pk, **BY)
    world.work()
    assert fresh(found).state == "completed"


def test_an_heir_that_was_paused_begins_nothing_until_it_is_resumed(world: World) -> None:
    heir = states.queued_behind_another(world)
    operations.pause(heir.pk, **BY)
    world.work()
    assert world.called == ["charge"]
    assert fresh(heir).holds_key
    operations.resume(heir.pk, **BY)
    world.work()
    assert (fresh(heir).state, world.called) == ("completed", ["charge", "charge"])
