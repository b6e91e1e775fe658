"""`cancel` and `compensate`: turn back before the pivot, never after it; twice is once."""

from collections.abc import Callable

import pytest

from sagas import approval, each, operations, parallel, saga, step, wait
from sagas.errors import NotAllowed
from sagas.models import Audit, Saga
from sagas.words.outcome import NotNow, Refused, Succeeded
from tests.sagas.operations import states
from tests.sagas.operations.states import BY, begun, come_to, fresh
from tests.sagas.world import World, moves_of, run_of

pytestmark = pytest.mark.django_db

Verb = Callable[..., Saga]
verbs = pytest.mark.parametrize(
    ("verb", "end"), [(operations.cancel, "cancelled"), (operations.compensate, "compensated")]
)


def code_of(verb: Verb, found: Saga) -> str:
    with pytest.raises(NotAllowed) as refusal:
        verb(found.pk, **BY)
    assert refusal.value.allowed == operations.allowed(fresh(found))
    return refusal.value.code


@verbs
def test_everything_that_was_done_is_undone_in_reverse_order(world: World, verb: Verb, end: str) -> None:
    found = come_to(world, step(world.ship, compensation=world.unship), wait("settled"))
    verb(found.pk, **BY)
    world.work()
    assert (fresh(found).state, world.called) == (end, ["charge", "ship", "unship", "refund"])
    assert fresh(found).failure["by"] == "ann"


@verbs
def test_twice_is_once_and_the_first_cause_decides(world: World, verb: Verb, end: str) -> None:
    found = states.draining(world) if end == "cancelled" else begun(world)
    if end == "compensated":
        world.attempt(found, "charge")
        operations.compensate(found.pk, **BY)
    for again in (operations.cancel, operations.compensate, operations.cancel):
        assert again(found.pk, **BY).going == "back"
    assert Audit.objects.filter(saga=found).count() == 1
    turns = [move for move in moves_of(found) if move.get("saga") == "compensating"]
    assert len(turns) == 1
    world.later(states.HOUR)
    world.sweep_later(states.HOUR)
    world.work()
    assert fresh(found).state == end


@verbs
def test_an_ended_saga_is_refused(world: World, verb: Verb, end: str) -> None:
    assert code_of(verb, states.completed(world)) == "ended"
    assert code_of(verb, states.given_up_forward(world)) == "ended"


@verbs
def test_past_the_pivot_it_is_refused(world: World, verb: Verb, end: str) -> None:
    assert code_of(verb, states.past_the_pivot(world)) == "committed"
    assert code_of(verb, states.past_the_pivot_and_refused(world)) == "committed"


@verbs
def test_while_the_pivot_is_open_it_is_refused_and_allowed_again_once_it_did_not_happen(
    world: World, verb: Verb, end: str
) -> None:
    found = begun(world, step(world.confirm, pivot=True))
    world.record(world.attempt(found, "charge"))
    held = world.attempt(found, "confirm")
    assert code_of(verb, found) == "at_the_pivot"
    world.answer(held, NotNow(error="busy", code="busy", after=states.HOUR / 6))
    assert run_of(found, "confirm").happened == "no"
    verb(found.pk, **BY)
    world.work()
    assert (fresh(found).state, world.called) == (end, ["refund"])


@verbs
def test_a_pivot_in_doubt_is_refused_until_a_person_says_that_it_did_not_happen(
    world: World, verb: Verb, end: str
) -> None:
    found = states.pivot_in_doubt(world)
    assert code_of(verb, found) == "at_the_pivot"
    operations.resolve(found.pk, step="confirm", landed=False, **BY)
    verb(found.pk, **BY)
    world.work()
    assert fresh(found).state == end


def test_before_it_has_begun_a_cancel_ends_it_at_once_and_a_compensate_is_refused(world: World) -> None:
    for build in (states.to_begin_later, states.queued_behind_another):
        found = build(world)
        assert code_of(operations.compensate, found) == "not_begun"
        operations.cancel(found.pk, **BY)
        assert fresh(found).state == "cancelled"
        world.later(2 * states.HOUR)
        world.work()
        assert fresh(found).state == "cancelled"


def test_what_never_began_is_never_called_and_never_undone(world: World) -> None:
    found = begun(world, step(world.ship, compensation=world.unship))
    operations.cancel(found.pk, **BY)
    world.work()
    assert (fresh(found).state, world.called) == ("cancelled", [])
    assert run_of(found, "charge").undo == "none"


def test_no_compensation_begins_while_an_attempt_is_under_way(world: World) -> None:
    found = states.draining(world)
    world.work()
    assert world.called == []
    assert fresh(found).state == "compensating"
    world.sweep_later(states.HOUR)
    world.work()
    assert (fresh(found).state, world.called) == ("cancelled", ["refund"])


def test_while_draining_nothing_is_repeated(world: World) -> None:
    found = begun(world)
    held = world.attempt(found, "charge")
    operations.cancel(found.pk, **BY)
    world.answer(held, NotNow(error="busy", code="busy"))
    world.work()
    assert (fresh(found).state, world.called) == ("cancelled", [])


def test_a_refusal_while_draining_is_nothing_to_undo_and_a_success_is(world: World) -> None:
    for outcome, called in ((Refused(error="no"), []), (Succeeded(result=1), ["refund"])):
        world.calls.clear()
        found = begun(world)
        held = world.attempt(found, "charge")
        operations.cancel(found.pk, **BY)
        world.answer(held, outcome)
        world.work()
        assert (fresh(found).state, world.called) == ("cancelled", called)
        states.put_aside(world)


def test_open_incidents_forward_are_superseded(world: World) -> None:
    found = states.held_refused(world)
    operations.cancel(found.pk, **BY)
    assert found.incidents.get().closed_as == "superseded"
    world.work()
    assert fresh(found).state == "cancelled"


def test_forward_verbs_are_refused_while_a_saga_goes_back(world: World) -> None:
    found = states.held_in_doubt(world)
    world.script("unship", NotNow)
    operations.cancel(found.pk, **BY)
    for verb in (operations.skip, operations.retry):
        with pytest.raises(NotAllowed):
            verb(found.pk, step="ship", **BY)


def test_waits_approvals_timers_and_items_that_have_not_begun_end_with_the_turn(world: World) -> None:
    rows = parallel(
        wait("settled"),
        approval("large"),
        each("lines", step(world.lock, compensation=world.unlock), items=lambda ctx: [1, 2, 3], concurrency=1),
    )
    found = world.start(saga("many", rows))
    world.work(most=3)
    operations.cancel(found.pk, **BY)
    world.work()
    assert fresh(found).state == "cancelled"
    assert not found.runs.filter(work__isnull=False).exists()
    assert set(found.runs.filter(path__in=["settled", "large"]).values_list("state", flat=True)) == {"cancelled"}


def test_children_are_cancelled_first_and_waited_for(world: World) -> None:
    found = states.waiting_for_a_child(world)
    operations.cancel(found.pk, **BY)
    assert fresh(found).state == "compensating"
    assert states.child_of(found).going == "forward"
    world.work()
    assert (fresh(found).state, states.child_of(found).state) == ("cancelled", "cancelled")
    assert world.called == ["charge", "book", "unbook", "refund"]


def test_a_paused_saga_may_be_cancelled_and_undoes_nothing_until_it_is_resumed(world: World) -> None:
    found = states.paused_while_it_waits(world)
    operations.cancel(found.pk, **BY)
    world.work()
    assert world.called == ["charge"]
    operations.resume(found.pk, **BY)
    world.work()
    assert (fresh(found).state, world.called) == ("cancelled", ["charge", "refund"])
