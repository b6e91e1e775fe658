"""`retry`: the step in place, on today's code, with a fresh budget, and never blindly under the wrong key."""

from typing import Any

import pytest
from pydantic import BaseModel

from sagas import Retry, operations, parallel, saga, step, wait
from sagas.errors import Abort, InvalidInput, NotAllowed, RetryLater, Unknown
from sagas.models import Audit, Revision, Run, Saga
from sagas.words import registry
from tests.sagas.operations import states
from tests.sagas.operations.states import BY, HOUR, begun, come_to, fresh
from tests.sagas.world import World, open_incidents, run_of

pytestmark = pytest.mark.django_db

FEW = Retry(attempts=2, first=HOUR / 3600)


class Order(BaseModel):
    sku: str
    amount: int = 1


def retry(found: Saga, **options: Any) -> Saga:
    return operations.retry(found.pk, **{**BY, **options})


def code_of(found: Saga, **options: Any) -> str:
    with pytest.raises(NotAllowed) as refusal:
        retry(found, **options)
    return refusal.value.code


def keys_of(world: World, name: str) -> list[str]:
    return [key for called, key in world.calls if called == name]


def test_a_step_that_is_known_not_to_have_happened_begins_a_new_key(world: World) -> None:
    found = states.held_refused(world)
    retry(found)
    world.work()
    first, second = keys_of(world, "ship")
    assert first != second
    assert fresh(found).state == "completed"


def test_a_step_in_doubt_is_tried_again_under_the_same_key_and_with_the_same_input(world: World) -> None:
    found = states.held_in_doubt(world)
    retry(found)
    world.work()
    first, second = keys_of(world, "ship")
    assert first == second


def test_a_step_that_a_person_found_not_to_have_landed_begins_a_new_key(world: World) -> None:
    found = states.held_in_doubt(world)
    operations.resolve(found.pk, step="ship", landed=False, **BY)
    retry(found)
    world.work()
    assert len(set(keys_of(world, "ship"))) == 2


def test_the_budget_is_fresh(world: World) -> None:
    world.script("ship", *[RetryLater("busy")] * 5)
    found = begun(world, step(world.ship, compensation=world.unship, retry=FEW, on_exhausted="suspend"))
    found = world.run_through(found)
    assert (found.state, world.called.count("ship")) == ("stuck", 2)
    retry(found)
    found = world.run_through(found)
    assert (found.state, world.called.count("ship")) == ("stuck", 4)
    retry(found)
    assert world.run_through(found).state == "completed"


def test_it_runs_on_todays_code(world: World) -> None:
    found = states.held_refused(world)
    ship = step(world.function("ship_better"), name="ship", compensation=world.unship, on_failure="incident")
    world.knows(saga("order", step(world.charge, compensation=world.refund), ship))
    retry(found)
    world.work()
    assert (fresh(found).state, world.called[-1]) == ("completed", "ship_better")


def test_what_waits_for_its_next_try_is_tried_now(world: World) -> None:
    found = states.in_back_off(world)
    world.work()
    assert world.called == ["charge"]
    retry(found)
    world.work()
    assert fresh(found).state == "completed"


def test_without_a_step_all_that_is_held_is_retried_and_with_one_only_that(world: World) -> None:
    rows = [step(world.function(n), reads_only=True, on_failure="incident") for n in ("left", "right")]
    for name in ("left", "right"):
        world.script(name, Abort("no"))
    found = come_to(world, parallel(*rows))
    retry(found, step="left")
    world.work()
    assert (open_incidents(found), world.called.count("right")) == ([("right", "refused")], 1)
    retry(found)
    world.work()
    assert fresh(found).state == "completed"


def test_what_has_nothing_to_retry_is_refused(world: World) -> None:
    assert code_of(states.asleep(world)) == "nothing_to_retry"
    states.put_aside(world)
    found = states.held_refused(world)
    assert code_of(found, step="charge") == "nothing_to_retry"
    assert code_of(found, step="nothing") == "nothing_to_retry"


def test_of_ended_sagas_only_a_failed_one_can_be_retried(world: World) -> None:
    for build in (states.completed, states.cancelled):
        assert code_of(build(world)) == "ended"
        states.put_aside(world)


def test_what_has_happened_and_cannot_be_repeated_is_never_retried(world: World) -> None:
    found = states.held_after_it_happened(world)
    assert code_of(found) == "happened"


def test_what_cannot_be_retried_does_not_keep_the_others_from_it_and_needs_a_person_as_before(world: World) -> None:
    rows = [step(world.function(n), reads_only=True, on_failure="incident") for n in ("left", "right")]
    for name in ("left", "right"):
        world.script(name, Abort("no"))
    found = come_to(world, parallel(*rows))
    Run.objects.filter(saga=found, path="left").update(happened="yes", code="result_unstorable")
    never = "left has happened and is never repeated; skip it, and supply its result."
    told = operations.preview("retry", found.pk, **BY)
    assert told.sentences[-1] == f"left needs a person as before. {never}"
    retry(found)
    world.work()
    assert (open_incidents(found), world.called.count("right")) == ([("left", "refused")], 2)
    assert code_of(found) == "happened"


def edited(world: World) -> Saga:
    table = saga(
        "order",
        step(world.charge, compensation=world.refund),
        step(world.ship, compensation=world.unship, on_failure="incident", idempotent=False),
        step(world.thank, reads_only=True),
        input=Order,
    )
    found = world.start(table, {"sku": "x"})
    world.work()
    return fresh(found)


def test_an_edited_input_is_for_the_step_and_later_ones_and_earlier_ones_keep_theirs(world: World) -> None:
    world.script("ship", Abort("no"))
    world.script("thank", Abort("no"))
    found = edited(world)
    retry(found, input={"sku": "y", "amount": 2})
    world.work()
    assert fresh(found).state == "compensated"
    given = [(name, ctx.input.sku) for (name, _), ctx in zip(world.calls, world.contexts, strict=True)]
    assert given == [("charge", "x"), ("ship", "x"), ("ship", "y"), ("thank", "y"), ("unship", "y"), ("refund", "x")]


def test_an_edit_is_kept_with_its_difference_and_the_old_input(world: World) -> None:
    world.script("ship", Abort("no"))
    found = edited(world)
    retry(found, input={"sku": "y"})
    assert Audit.objects.get().details == {"diff": {"sku": {"before": "x", "after": "y"}}}
    assert (fresh(found).input_rev, Revision.objects.get().input) == (2, {"sku": "x", "amount": 1})


def test_an_edited_input_is_checked_by_the_schema(world: World) -> None:
    world.script("ship", Abort("no"))
    found = edited(world)
    with pytest.raises(InvalidInput) as refusal:
        retry(found, input={"amount": "much"})
    assert {fault["pointer"] for fault in refusal.value.errors} == {"/sku", "/amount"}
    assert (fresh(found).input, fresh(found).state) == ({"sku": "x", "amount": 1}, "stuck")


def test_an_edited_input_is_refused_while_the_step_may_have_happened_and_taken_once_it_is_resolved(
    world: World,
) -> None:
    world.script("ship", Unknown("lost"))
    found = edited(world)
    assert code_of(found, input={"sku": "y"}) == "in_doubt"
    operations.resolve(found.pk, step="ship", landed=False, **BY)
    retry(found, input={"sku": "y"})
    world.work()
    assert fresh(found).state == "completed"


def test_an_edited_input_is_refused_on_the_way_back(world: World) -> None:
    assert code_of(states.stuck_on_the_way_back(world), input={"sku": "y"}) == "in_doubt"


def test_a_stuck_compensation_is_tried_again_under_the_same_key(world: World) -> None:
    found = states.stuck_on_the_way_back(world)
    retry(found)
    world.work()
    first, second = keys_of(world, "refund")
    assert (fresh(found).state, first) == ("compensated", second)


def test_a_saga_that_was_given_up_goes_on_forward_with_a_new_deadline(world: World) -> None:
    world.script("ship", Abort("no"))
    found = come_to(world, step(world.ship, compensation=world.unship, on_failure="incident"), deadline=HOUR)
    before = found.deadline_at
    operations.give_up(found.pk, **BY)
    world.later(2 * HOUR)
    retry(found)
    assert (fresh(found).state, fresh(found).failure, fresh(found).ended_at) == ("running", None, None)
    assert fresh(found).deadline_at >= before + 2 * HOUR
    world.work()
    assert (fresh(found).state, world.called) == ("completed", ["charge", "ship", "ship"])


def test_a_saga_that_was_given_up_on_its_way_back_goes_on_back(world: World) -> None:
    found = states.given_up_on_the_way_back(world)
    retry(found)
    world.work()
    assert (fresh(found).state, world.called) == ("compensated", ["charge", "ship", "refund", "refund"])


def test_what_a_given_up_saga_waited_for_it_waits_for_again(world: World) -> None:
    world.script("ship", Abort("no"))
    rows = parallel(wait("settled", timeout=HOUR), step(world.ship, reads_only=True, on_failure="incident"))
    found = come_to(world, rows)
    operations.give_up(found.pk, **BY)
    assert not found.runs.filter(work__isnull=False).exists()
    retry(found)
    assert run_of(found, "settled").work == "waiting"
    operations.signal(found.pk, "settled", 1, actor="bank")
    world.work()
    assert (fresh(found).state, run_of(found, "settled").result) == ("completed", 1)


def test_a_given_up_saga_is_not_retried_when_its_key_is_taken(world: World) -> None:
    found = states.given_up_and_its_key_taken(world)
    assert code_of(found) == "key_taken"
    assert fresh(found).state == "failed"


def test_a_given_up_child_is_not_retried_when_its_parent_is_gone(world: World) -> None:
    found = states.a_child_that_was_given_up_and_whose_parent_went_on(world)
    assert code_of(found) == "parent_gone"


def test_a_given_up_saga_is_not_retried_when_its_version_is_gone(world: World) -> None:
    found = states.given_up_forward(world)
    with registry.replaced([]):
        assert code_of(found) == "definition_unknown"
    assert fresh(found).state == "failed"


def test_a_parent_of_a_given_up_child_is_sent_to_the_child_and_goes_on_when_that_is_retried(world: World) -> None:
    found = states.held_by_a_child_that_was_given_up(world)
    assert (fresh(found).state, code_of(found)) == ("stuck", "retry_the_child")
    retry(states.child_of(found))
    world.work()
    assert (fresh(states.child_of(found)).state, fresh(found).state) == ("completed", "completed")
    assert open_incidents(found) == []


def test_what_landed_after_the_end_is_undone_once_more_under_a_key_of_its_own(world: World) -> None:
    found = states.ended_and_landed_after_all(world)
    assert open_incidents(found) == [("charge", "late_success")]
    retry(found)
    world.work()
    assert (fresh(found).state, open_incidents(found)) == ("cancelled", [])
    assert len(keys_of(world, "refund")) == len(set(keys_of(world, "refund"))) == 2


def test_what_could_not_be_undone_after_the_end_can_be_tried_again(world: World) -> None:
    found = states.ended_and_landed_and_cannot_be_undone(world)
    assert "compensation_refused" in [reason for _, reason in open_incidents(found)]
    retry(found)
    world.work()
    assert (fresh(found).state, open_incidents(found), run_of(found, "charge").undo) == ("cancelled", [], "done")
