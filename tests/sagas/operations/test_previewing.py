"""`preview`: the dry run of every verb changes nothing at all, and says what would happen."""

from typing import Any

import pytest
from django.apps import apps

from sagas import Retry, operations
from sagas.errors import NotAllowed, Unknown
from sagas.operations.previewing import VERBS
from sagas.record import attempts
from tests.sagas.operations import states
from tests.sagas.operations.states import BY, HOUR, STATES, fresh
from tests.sagas.operations.test_allowing import ORDER, ways
from tests.sagas.world import World

pytestmark = pytest.mark.django_db


def everything() -> dict[str, list[dict[str, Any]]]:
    """Every row of every table of ours."""
    return {
        model.__name__: list(model.objects.order_by("pk").values())
        for model in apps.get_app_config("sagas").get_models()
    }


def test_every_verb_on_a_saga_but_signal_has_a_dry_run() -> None:
    assert sorted(VERBS) == sorted(set(ORDER) - {"signal"})


@pytest.mark.parametrize("name", STATES)
def test_the_dry_run_of_every_verb_changes_nothing_at_all(world: World, name: str) -> None:
    found = fresh(STATES[name](world))
    before = everything()
    for verb in VERBS:
        for way in ways(verb, found):
            try:
                told = operations.preview(verb, found.pk, **way)
            except NotAllowed:
                continue
            assert told.verb == verb
            assert told.state
            assert all(told.sentences) and told.sentences, (verb, way)
    assert everything() == before


@pytest.fixture
def rung(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """What the broker was told: the outside, so it is faked."""
    from gateway import doorbell

    told: list[Any] = []
    monkeypatch.setattr(doorbell, "ring", lambda *args, **options: told.append(args))
    return told


@pytest.mark.parametrize("name", STATES)
def test_what_a_verb_does_is_what_its_dry_run_said(world: World, name: str) -> None:
    """The saga's state after the verb is the one that was told, for the first way that fits of each verb in turn."""
    build = STATES[name]
    for verb in sorted(set(operations.allowed(fresh(build(world)))) - {"signal", "clone"}):
        states.put_aside(world)
        found = fresh(build(world))
        for way in ways(verb, found):
            try:
                told = operations.preview(verb, found.pk, **way)
            except NotAllowed:
                continue
            assert getattr(operations, verb)(found.pk, **way).state == told.state
            assert fresh(found).state == told.state
            break


@pytest.mark.django_db(transaction=True)
def test_a_dry_run_rings_for_nobody(world: World, rung: list[Any]) -> None:
    found = states.held_refused(world)
    rung.clear()
    for verb in ("retry", "cancel"):
        operations.preview(verb, found.pk, **BY)
    assert rung == []
    operations.retry(found.pk, **BY)
    assert len(rung) == 1


def said(verb: str, found: Any, **options: Any) -> str:
    return " ".join(operations.preview(verb, found.pk, **BY, **options).sentences)


def test_a_cancel_says_what_is_awaited_and_what_is_undone_in_which_order(world: World) -> None:
    found = states.come_to(world, states.step(world.ship, compensation=world.unship), states.wait("settled"))
    assert "Undone, in this order: ship, charge." in said("cancel", found)
    assert "charge is under way; its answer is awaited first." in said("cancel", states.running(world))


def test_a_cancel_of_what_has_done_nothing_says_that_the_saga_ends(world: World) -> None:
    assert said("cancel", states.due(world)) == "The saga ends: cancelled."


def test_a_retry_says_which_steps_run_again_under_which_key_and_which_are_not_idempotent(world: World) -> None:
    assert "ship runs, under a new key." in said("retry", states.held_refused(world))
    states.put_aside(world)
    doubtful = said("retry", states.held_in_doubt(world))
    assert "ship runs, under the same key." in doubtful
    assert "ship is not idempotent: it must not have happened already." in doubtful
    assert "its participant knows that by the key" not in doubtful


def test_a_retry_says_what_stays_and_what_the_key_is_good_for(world: World) -> None:
    assert said("retry", states.held_refused(world)).endswith("charge stays as done.")
    assert "its participant knows that by the key" not in said("retry", states.held_refused(world))
    world.script("ship", Unknown("lost"))
    once = {"retry": Retry(attempts=1), "on_exhausted": "suspend"}
    found = states.come_to(world, states.step(world.ship, compensation=world.unship, **once))
    assert "Should ship have happened already, its participant knows that by the key." in said("retry", found)
    assert "stays as done" not in said("retry", states.stuck_on_the_way_back(world))


def test_a_retry_of_what_is_stuck_says_what_is_undone(world: World) -> None:
    assert "Undone, in this order: charge." in said("retry", states.stuck_on_the_way_back(world))


def test_giving_up_says_which_effects_are_left_in_place(world: World) -> None:
    told = said("give_up", states.held_refused(world))
    assert "The saga ends: failed." in told
    assert "These effects are left in place: charge." in told


def test_a_skip_says_what_runs_next(world: World) -> None:
    world.script("ship", states.Abort("no"))
    rows = [
        states.step(world.ship, reads_only=True, on_failure="incident"),
        states.step(world.thank, reads_only=True),
    ]
    assert "thank runs." in said("skip", states.come_to(world, *rows), step="ship")


def test_a_reschedule_says_until_when_it_waits(world: World) -> None:
    found = states.asleep(world)
    at = states.clock.now() + 5 * HOUR
    assert f"nap waits until {at:%Y-%m-%d %H:%M:%S} UTC." in said("reschedule", found, step="nap", at=at)


def test_a_moved_deadline_is_told(world: World) -> None:
    found = states.waiting_with_a_deadline(world)
    at = states.clock.now() + 5 * HOUR
    assert f"Its deadline is then {at:%Y-%m-%d %H:%M:%S} UTC." in said("reschedule", found, at=at)


def test_a_dry_run_is_refused_as_its_verb_is(world: World) -> None:
    with pytest.raises(NotAllowed) as refusal:
        said("cancel", states.past_the_pivot(world))
    assert refusal.value.code == "committed"


def test_there_is_no_dry_run_of_what_is_no_verb(world: World) -> None:
    with pytest.raises(ValueError, match="There is no verb 'start'"):
        said("start", states.due(world))


def test_a_worker_goes_on_after_a_dry_run_as_if_there_had_been_none(world: World) -> None:
    found = states.begun(world)
    held = world.attempt(found, "charge")
    said("cancel", found)
    assert not attempts.record(held, states.Succeeded(), world.worker, go_on=False).late
    assert fresh(found).state == "completed"


def test_a_way_back_that_is_tried_again_or_was_done_by_hand_is_said_so(world: World) -> None:
    found = fresh(STATES["stuck_on_the_way_back"](world))
    assert operations.preview("retry", found.pk, **BY).sentences[0] == "The compensation of charge is tried again."
    by_hand = operations.preview("waive", found.pk, step="charge", **BY).sentences[0]
    assert by_hand == "charge counts as undone by hand; nobody is called for it."
