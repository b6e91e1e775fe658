"""The kit's words, each held against a saga that does what it says, and against one that does not."""

from datetime import timedelta
from typing import Any

import pytest

from sagas import FAILED, Abort, RetryLater, celery_step, each, operations, saga, step, wait
from sagas.record import clock
from sagas.testing import (
    StoryFailed,
    answers_late,
    crashes,
    duplicates,
    fails,
    given,
    in_turn,
    service,
    story_of,
    times_out,
)
from sagas.words import registry
from tests.sagas.testing.shop import (
    ORDER,
    charge,
    check_user,
    order,
    pack,
    parent_order,
    refund,
    slow_order,
    unpack,
)

pytestmark = pytest.mark.django_db

NOTHING = {"*": {}}


def participants():
    return (
        service("users").answers("GET", "/users/{name}", 200, {"active": True}),
        service("stock")
        .answers("GET", "/stock/book", 200, {"on_hand": 5})
        .answers("POST", "/reservations", 201, {"reserved": 1})
        .answers("POST", "/reservations/release", 200, {"released": 1}),
        service("payments")
        .answers("POST", "/charges", 201, {"charge_id": "c1", "amount": 4990})
        .answers("POST", "/refunds", 200, {"refunded": 4990}),
    )


def test_an_order_runs_to_its_end() -> None:
    run = given(order, *participants(), input=ORDER)
    run.runs("check_stock", "check_user", "lock_stock", "charge")
    run.ends("completed")
    run.needs_nobody()
    assert run.results["charge"] == {"charge_id": "c1", "amount": 4990}
    assert [str(request) for request in run.requests if request.service == "payments"] == ["POST /charges"]


def test_a_refusal_takes_back_what_was_done() -> None:
    run = given(order, fails("charge", Abort("declined")), *participants(), input=ORDER)
    run.runs("check_user", "check_stock", "lock_stock")
    run.compensates("lock_stock")
    run.ends("compensated")


def test_a_participant_refuses_with_its_status() -> None:
    declined = service("payments").answers("POST", "/charges", 402, {"detail": "no money"})
    run = given(order, *participants(), declined, input=ORDER)
    run.compensates("lock_stock")
    run.ends("compensated")
    assert "no money" in run.timeline()


def test_what_is_not_so_is_told_with_the_timeline_and_not_with_a_diff() -> None:
    run = given(order, fails("charge", Abort("declined")), input=ORDER, steps=NOTHING)
    with pytest.raises(StoryFailed) as failed:
        run.ends("completed")
    said = str(failed.value)
    assert said.startswith("Expected that the saga ends completed, but it ended compensated.\n\norder ")
    for line in (
        "charge was refused: declined",
        "lock_stock is undone",
        "everything it had done is undone",
        "worker …",
    ):
        assert line in said


@pytest.mark.parametrize(
    "expect",
    [
        lambda run: run.runs("check_user", "check_stock", "lock_stock", "charge"),
        lambda run: run.runs("lock_stock", "check_user", "check_stock"),
        lambda run: run.compensates(),
        lambda run: run.compensates("check_user", "lock_stock"),
        lambda run: run.needs_a_person("charge"),
        lambda run: run.waits_for("charge"),
        lambda run: run.leaves_out("charge"),
    ],
)
def test_no_word_holds_for_what_did_not_happen(expect) -> None:
    run = given(order, fails("charge", Abort("declined")), input=ORDER, steps=NOTHING)
    with pytest.raises(StoryFailed, match="the saga ended compensated"):
        expect(run)


def test_a_call_that_nobody_scripted_says_what_to_script() -> None:
    refunds_only = service("payments").answers("POST", "/refunds")
    run = given(order, *participants()[:2], refunds_only, input=ORDER)
    with pytest.raises(StoryFailed, match=r'service\("payments"\).answers\("POST", "/charges", 200, '):
        run.ends("completed")


def test_a_service_that_neither_the_settings_nor_the_script_has_is_named() -> None:
    run = given(order, *participants()[:2], input=ORDER)
    with pytest.raises(StoryFailed, match=r"has no service .payments.*Script it"):
        run.ends("completed")


def test_a_name_that_the_table_does_not_have_is_no_story() -> None:
    with pytest.raises(LookupError, match="did you mean 'charge'"):
        given(order, fails("chagre", Abort("declined")), input=ORDER)
    with pytest.raises(LookupError, match="did you mean 'charge'"):
        given(order, input=ORDER, steps=NOTHING).runs("charg")


def test_a_step_that_is_busy_is_tried_again_without_anybody_sleeping() -> None:
    run = given(order, fails("charge", RetryLater("busy"), times=2), *participants(), input=ORDER)
    run.ends("completed")
    assert [call.landed for call in run.calls if call.path == "charge"] == [False, False, True]


def test_a_step_that_is_busy_for_ever_is_given_up() -> None:
    run = given(order, fails("charge", RetryLater("busy")), *participants(), input=ORDER)
    run.compensates("lock_stock")
    run.ends("compensated")


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_lost_answer_is_asked_for_again_under_the_same_key(when: str) -> None:
    run = given(order, times_out("charge", when), *participants(), input=ORDER)
    run.ends("completed")
    calls = [call for call in run.calls if call.path == "charge"]
    assert [call.landed for call in calls] == [when == "after", True]
    assert len({call.key for call in calls}) == 1


def test_a_step_that_never_answers_is_undone_since_it_may_have_happened() -> None:
    run = given(order, times_out("charge", times=None), *participants(), input=ORDER)
    run.compensates("charge", "lock_stock")
    run.ends("compensated")


def test_a_participant_that_is_silent_or_down() -> None:
    silent = service("payments").is_silent("POST", "/charges", times=1)
    down = service("stock").is_down("POST", "/reservations", times=1)
    run = given(order, *participants(), silent, down, input=ORDER)
    run.ends("completed")
    assert "did not answer POST /charges in time" in run.timeline()
    assert "could not be reached" in run.timeline()


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_worker_that_dies_is_taken_over(when: str) -> None:
    run = given(order, crashes("charge", when), *participants(), input=ORDER)
    run.runs("check_user", "check_stock", "lock_stock", "charge")
    run.ends("completed")
    assert "The worker that ran it is gone" in run.timeline()


def test_a_step_that_kills_every_worker_needs_a_person() -> None:
    run = given(order, crashes("charge", times=None), *participants(), input=ORDER)
    run.needs_a_person("charge", reason="crashed")


def test_an_answer_that_comes_after_the_take_over_counts_once() -> None:
    run = given(order, answers_late("charge"), *participants(), input=ORDER)
    run.runs("check_user", "check_stock", "lock_stock", "charge")
    run.ends("completed")
    assert "answered too late: it did happen" in run.timeline()
    assert [call.landed for call in run.calls if call.path == "charge"] == [True, True]


def test_a_message_that_comes_twice_is_acted_on_once() -> None:
    run = given(order, duplicates("charge"), *participants(), input=ORDER)
    run.ends("completed")
    assert len([call for call in run.calls if call.path == "charge"]) == 1


def test_an_undoing_that_is_refused_needs_a_person_who_may_have_done_it_by_hand() -> None:
    run = given(order, fails("charge", Abort("no")), fails("release_stock", Abort("gone")), input=ORDER, steps=NOTHING)
    run.needs_a_person("lock_stock", reason="compensation_refused")
    run.waives("lock_stock")
    run.ends("compensated")
    run.compensates()


def test_a_step_may_be_scripted_whole() -> None:
    charge = in_turn(RetryLater("busy"), {"charge_id": "c1"})
    run = given(order, input=ORDER, steps={"*": {}, "charge": charge, "check_user": lambda ctx: ctx.input.order_id})
    run.ends("completed")
    assert run.results["charge"] == {"charge_id": "c1"}
    assert run.results["check_user"] == "A-1"
    assert run.requests == []


def test_a_slow_order_is_told_from_signal_to_signal() -> None:
    run = given(slow_order, input={**ORDER, "lines": ["a", "b"]}, steps={"*": {}, "pack": lambda ctx: ctx.item})
    run.waits_for("large_order")
    run.runs("lock_stock")
    run.decides("large_order", approved=True)
    run.waits_for("payment_settled")
    run.runs("charge")
    run.receives("payment_settled", {"settled": True})
    run.waits_for("cooling_off")
    run.later(timedelta(hours=23))
    run.waits_for("cooling_off")
    run.later(timedelta(hours=2))
    run.runs("pack")
    run.ends("completed")
    assert run.results["lines"] == ["a", "b"]
    assert run.results["payment_settled"] == {"settled": True}


def test_a_signal_that_never_comes() -> None:
    run = given(slow_order, input=ORDER, steps=NOTHING)
    run.decides("large_order", approved=True)
    run.waits_for("payment_settled")
    run.later(timedelta(hours=2))
    run.compensates("charge", "lock_stock")
    run.ends("compensated")


def test_a_signal_that_comes_early_is_kept() -> None:
    run = given(slow_order, input=ORDER, steps=NOTHING)
    run.receives("payment_settled", {"settled": 1}, early=True)
    run.decides("large_order", approved=True)
    run.waits_for("cooling_off")


def test_a_no_turns_back() -> None:
    run = given(slow_order, input=ORDER, steps=NOTHING)
    run.decides("large_order", approved=False)
    run.compensates("lock_stock")
    run.ends("compensated")


def test_a_child_has_a_story_of_its_own() -> None:
    run = given(parent_order, fails("charge", Abort("declined")), input=ORDER, steps=NOTHING)
    run.runs("lock_stock", "shipping")
    run.compensates("shipping", "lock_stock")
    run.child("shipping").ends("compensated")
    run.child("shipping").compensates("pack")


def test_operators_have_their_verbs() -> None:
    run = given(slow_order, input=ORDER, steps=NOTHING)
    run.pauses()
    run.resumes()
    run.reschedules("large_order", by=timedelta(minutes=1))
    run.cancels(reason="changed her mind")
    run.ends("cancelled")
    run.compensates("lock_stock")
    run.clones().waits_for("large_order")


def test_two_stories_of_one_test_share_a_business_key() -> None:
    first = given(slow_order, input=ORDER, steps=NOTHING, business_key="A-1")
    second = given(slow_order, input=ORDER, steps=NOTHING, business_key="A-1", on_duplicate="queue")
    first.later(timedelta(hours=1))
    assert second.saga.state == "pending"
    first.cancels()
    first.ends("cancelled")
    second.waits_for("large_order")


def test_after_a_repair_the_story_goes_on_with_another_script() -> None:
    run = given(order, crashes("charge", times=None), *participants(), input=ORDER)
    run.needs_a_person("charge")
    run.given(fails("charge", RetryLater("one moment"), times=1))
    with pytest.raises(LookupError):
        run.given(steps={"chrge": {}})


def test_a_saga_that_was_begun_elsewhere_has_a_story_too() -> None:
    table = saga("elsewhere", step(pack, compensation=unpack), wait("paid"))
    with registry.replaced([table]):
        begun = operations.start("elsewhere", {"n": 1}, actor="a view").saga
        run = story_of(begun, crashes("pack"))
        run.runs("pack")
        run.waits_for("paid")
        run.later(timedelta(hours=1))
        with run.meanwhile():
            assert clock.now() - begun.created_at > timedelta(hours=1)
            operations.signal(begun.pk, "paid", actor="a view")
        run.ends("completed")


def test_a_result_is_found_by_its_function_whatever_the_step_is_called() -> None:
    def look(ctx: Any) -> Any:
        return ctx.result(pack)

    table = saga("named", step(pack, name="wrap", compensation=unpack), step(look, reads_only=True))
    run = given(table)
    run.ends("completed")
    assert run.results["look"] == run.results["wrap"] == {"packed": None}


def test_a_celery_task_is_a_step_like_any_other() -> None:
    table = saga("tasks", step(celery_step("sagas.tasks.nothing"), name="task", no_compensation="it does nothing"))
    given(table, fails("task", Abort("no"))).ends("compensated")
    given(table, fails("nothing", Abort("no"))).ends("compensated")


@pytest.mark.parametrize("trouble", [answers_late, duplicates, crashes, times_out])
def test_an_undoing_meets_the_same_troubles(trouble: Any) -> None:
    declined = fails("charge", Abort("declined"))
    run = given(order, declined, trouble("lock_stock", undoing=True), input=ORDER, steps=NOTHING)
    run.compensates("lock_stock")
    run.ends("compensated")
    run = given(order, declined, trouble("release_stock"), input=ORDER, steps=NOTHING)
    run.compensates("lock_stock")
    run.ends("compensated")


def test_a_local_step_holds_its_transaction_so_it_cannot_answer_late() -> None:
    table = saga("here", step(pack, compensation=unpack, local=True))
    with pytest.raises(StoryFailed, match="pack is local"):
        given(table, answers_late("pack")).ends("completed")


def test_an_item_of_a_list_can_fail_alone() -> None:
    lines = each("lines", step(pack, compensation=unpack), max_failures=1)
    run = given(saga("lenient", lines), fails("pack", Abort("broken"), item=1), input={"lines": ["a", "b"]})
    run.runs("pack")
    run.ends("completed")
    assert run.results["lines"] == [{"packed": "a"}, FAILED]


def test_what_is_optional_or_not_taken_is_left_out() -> None:
    table = saga(
        "loose",
        step(pack, compensation=unpack, optional=True),
        step(check_user, reads_only=True, when=lambda ctx: False),
    )
    run = given(table, fails("pack", Abort("broken")))
    run.leaves_out("pack", "check_user")
    run.needs_nobody()


def test_a_table_with_faults_is_not_played() -> None:
    with pytest.raises(ValueError, match="nothing says how it is undone"):
        given(saga("wrong", step(pack)))


def test_an_operators_repair_is_part_of_the_story() -> None:
    table = saga("once", step(charge, compensation=refund, idempotent=False), step(pack, compensation=unpack))
    run = given(table, times_out("charge"), steps={"charge": {"charge_id": "c1"}})
    run.needs_a_person("charge", reason="outcome_unknown")
    run.resolves("charge", landed=True, result={"charge_id": "c1"})
    run.runs("charge", "pack")
    run.ends("completed")


def test_what_was_given_up_or_skipped() -> None:
    table = saga("hard", step(pack, compensation=unpack, on_failure="incident"))
    run = given(table, fails("pack", Abort("broken")))
    run.needs_a_person("pack")
    run.gives_up()
    run.ends("failed")
    run = given(table, fails("pack", Abort("broken"), times=1))
    run.needs_a_person("pack")
    run.retries("pack")
    run.ends("completed")
    run = given(table, fails("pack", Abort("broken")))
    run.skips("pack", result={"packed": "by hand"})
    run.ends("completed")
