"""A saga runs and turns back: the engine and its SQL, with participants that follow a script."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test import override_settings
from django.test.utils import CaptureQueriesContext
from pydantic import BaseModel

from gateway.ids import uuid7
from sagas import Abort, Retry, RetryLater, operations, parallel, saga, step
from sagas.engine import delivery
from sagas.errors import Denied, InvalidInput, NotAllowed, NothingThere, Unknown
from sagas.models import Audit, Journal, Run, Saga, Work
from sagas.record import clock
from sagas.record.attempts import claim, record
from sagas.words.outcome import Succeeded
from tests.sagas.world import World, moves_of, open_incidents, run_of

pytestmark = pytest.mark.django_db

FEW = Retry(attempts=2, first=timedelta(seconds=1))


def three(world: World, **options):
    return saga(
        "three",
        step(world.lock, compensation=world.release),
        step(world.charge, compensation=world.refund, **options),
        step(world.ship, compensation=world.recall),
    )


def test_all_steps_run_in_order_and_the_saga_completes(world):
    found = world.run_through(world.start(three(world)))
    assert world.called == ["lock", "charge", "ship"]
    assert found.state == "completed"
    assert run_of(found, "charge").result == {"from": "charge"}


def test_a_refusal_undoes_what_was_done_in_reverse_and_not_what_was_refused(world):
    world.script("ship", Abort("no such street"))
    found = world.run_through(world.start(three(world)))
    assert world.called == ["lock", "charge", "ship", "refund", "release"]
    assert (found.state, found.cause, found.failure["step"]) == ("compensated", "failed_step", "ship")
    assert (run_of(found, "ship").state, run_of(found, "ship").undo) == ("failed", "unneeded")


def test_a_step_that_is_not_served_now_is_tried_again_under_the_same_key(world):
    world.script("charge", RetryLater("busy"), RetryLater("busy", after=timedelta(minutes=2)))
    found = world.run_through(world.start(three(world)))
    assert found.state == "completed"
    assert len({key for name, key in world.calls if name == "charge"}) == 1
    assert world.called.count("charge") == 3


def test_retry_after_is_honoured(world):
    world.script("charge", RetryLater("busy", after=timedelta(minutes=2)))
    found = world.start(three(world))
    world.work()
    assert run_of(found, "charge").at - clock.now() > timedelta(seconds=115)


def test_an_unknown_outcome_is_compensated_when_tries_run_out(world):
    world.script("charge", Unknown("lost"), ConnectionError("lost"))
    found = world.run_through(world.start(three(world, retry=FEW)))
    assert world.called == ["lock", "charge", "charge", "refund", "release"]
    assert found.state == "compensated"
    assert run_of(found, "charge").happened == "maybe"


def test_a_refusal_does_not_clear_an_earlier_doubt(world):
    world.script("charge", Unknown("lost"), Abort("you have been charged already"))
    world.run_through(world.start(three(world)))
    assert "refund" in world.called


def test_what_was_done_in_part_is_compensated_with_what_was_done(world):
    world.script("charge", Abort("half of it", done={"half": 1}))
    found = world.run_through(world.start(three(world)))
    assert found.state == "compensated"
    refund = next(ctx for (name, _), ctx in zip(world.calls, world.contexts, strict=True) if name == "refund")
    assert (refund.action.result, refund.action.happened) == ({"half": 1}, "yes")


def test_a_step_that_must_not_be_repeated_is_held_for_a_person(world):
    world.script("charge", Unknown("lost"))
    found = world.run_through(world.start(three(world, idempotent=False)))
    assert world.called == ["lock", "charge"]
    assert found.state == "stuck"
    assert open_incidents(found) == [("charge", "outcome_unknown")]


def test_a_probe_finds_that_it_landed(world):
    world.script("charge", Unknown("lost"))
    world.script("find", {"charge": 7})
    found = world.run_through(world.start(three(world, probe=world.find)))
    assert world.called == ["lock", "charge", "find", "ship"]
    assert (found.state, run_of(found, "charge").result) == ("completed", {"charge": 7})


def test_a_probe_that_cannot_tell_is_asked_again_and_then_a_person(world):
    world.script("charge", Unknown("lost"))
    world.script("find", RetryLater("down"), RetryLater("down"))
    found = world.run_through(world.start(three(world, probe=world.find, retry=FEW)))
    assert world.called == ["lock", "charge", "find", "find"]
    assert open_incidents(found) == [("charge", "outcome_unknown")]


@pytest.mark.parametrize("final", [True, False])
def test_a_probe_that_did_not_find_it_lets_it_be_repeated_and_clears_the_doubt_only_if_final(world, final):
    world.script("charge", Unknown("lost"), Abort("declined"))
    world.script("find", Abort("nothing here"))
    found = world.run_through(world.start(three(world, probe=world.find, probe_is_final=final)))
    assert found.state == "compensated"
    assert ("refund" in world.called) is not final


def test_being_shut_out_never_turns_the_saga_back(world):
    world.script("charge", *[Denied("401", code="http_401")] * 2)
    found = world.run_through(world.start(three(world, retry=FEW)))
    assert (found.state, open_incidents(found)) == ("stuck", [("charge", "shut_out")])


def test_members_run_side_by_side_and_join(world):
    table = saga(
        "side",
        parallel(
            step(world.left, compensation=world.unleft),
            parallel(step(world.mid, reads_only=True), step(world.right, compensation=world.unright)),
        ),
        step(world.last, compensation=world.unlast),
    )
    found = world.run_through(world.start(table))
    assert sorted(world.called[:3]) == ["left", "mid", "right"]
    assert (world.called[3:], found.state) == (["last"], "completed")


def test_a_failing_member_turns_back_what_its_siblings_did(world):
    world.script("right", Abort("no"))
    table = saga(
        "side",
        parallel(step(world.left, compensation=world.unleft), step(world.right, compensation=world.unright)),
        step(world.last, compensation=world.unlast),
    )
    found = world.run_through(world.start(table))
    assert (world.called, found.state) == (["left", "right", "unleft"], "compensated")


def test_a_sibling_still_running_is_drained_before_anything_before_it_is_undone(world):
    table = saga(
        "side",
        step(world.first, compensation=world.unfirst),
        parallel(step(world.left, compensation=world.unleft), step(world.right, compensation=world.unright)),
    )
    found = world.start(table)
    due = Run.objects.get(saga=found, path="first")
    assert delivery.deliver(due.pk, due.fence, world.worker, stopping=lambda: True) == 1
    left, right = run_of(found, "left"), run_of(found, "right")
    held = claim(left.pk, left.fence, world.worker)
    world.script("right", Abort("no"))
    delivery.deliver(right.pk, right.fence, uuid7())
    found.refresh_from_db()
    assert (found.state, run_of(found, "first").undo) == ("compensating", "owed")
    assert "unfirst" not in world.called
    recorded = record(held, Succeeded(result={"late": False}), world.worker, go_on=False)
    assert [bell.run for bell in recorded.bells] == [left.pk]
    found = world.run_through(found)
    assert world.called == ["first", "right", "unleft", "unfirst"]
    assert found.state == "compensated"


def test_an_optional_step_that_fails_is_skipped(world):
    table = saga(
        "soft",
        step(world.lock, compensation=world.release),
        step(world.tell, optional=True, retry=FEW, no_compensation="a message cannot be taken back"),
    )
    world.script("tell", RetryLater("busy"), RetryLater("busy"))
    found = world.run_through(world.start(table))
    assert (found.state, run_of(found, "tell").state) == ("completed", "skipped")


def test_a_result_that_cannot_be_stored_is_done_and_compensated_but_never_repeated(world):
    world.script("charge", {"too": "x" * 300_000})
    found = world.run_through(world.start(three(world)))
    assert world.called == ["lock", "charge", "refund", "release"]
    assert (found.state, run_of(found, "charge").happened) == ("compensated", "yes")


@pytest.mark.parametrize("result", [{1, 2}, object(), "a\x00b", "\ud800", float("nan"), b"\xff"])
def test_odd_results_never_wedge_a_saga(world, result):
    world.script("charge", result)
    found = world.run_through(world.start(three(world)))
    assert found.state in ("completed", "compensated")


@pytest.mark.parametrize("words", ["\x00", "\ud800 and", "x" * 100_000, ""])
def test_odd_error_texts_are_stored(world, words):
    world.script("charge", *[ValueError(words)] * 5)
    found = world.run_through(world.start(three(world)))
    assert found.state == "compensated"


def test_a_compensation_that_fails_blocks_until_an_operator_retries_it(world):
    world.script("ship", Abort("no"))
    world.script("refund", Abort("the bank says no"))
    found = world.run_through(world.start(three(world)))
    assert (found.state, open_incidents(found)) == ("stuck", [("charge", "compensation_refused")])
    assert "release" not in world.called
    operations.retry(found.pk, actor="ann", reason="the bank is open again")
    found = world.run_through(found)
    assert (found.state, open_incidents(found), found.open_incidents) == ("compensated", [], 0)
    assert [key for name, key in world.calls if name == "refund"] == [f"{found.pk}:charge:0:1:undo"] * 2
    assert Audit.objects.get(saga=found).reason == "the bank is open again"


@pytest.mark.parametrize("known", [True, False])
def test_nothing_to_undo_is_done_unless_it_is_known_to_have_happened(world, known):
    world.script("charge", *([{"ok": 1}] if known else [Unknown("lost")] * 2))
    world.script("ship", Abort("no"))
    world.script("refund", NothingThere("404"))
    found = world.run_through(world.start(three(world, retry=FEW)))
    assert found.state == ("stuck" if known else "compensated")


def test_a_retried_step_that_is_known_not_to_have_happened_gets_a_new_key_and_one_in_doubt_keeps_it(world):
    for error, same in ((RetryLater("busy"), False), (Unknown("lost"), True)):
        world.calls.clear()
        world.script("charge", error, error)
        found = world.run_through(world.start(three(world, retry=FEW, on_exhausted="suspend")))
        assert (found.state, open_incidents(found)) == ("stuck", [("charge", "retries_exhausted")])
        operations.retry(found.pk, actor="ann", reason="again")
        assert world.run_through(found).state == "completed"
        keys = [key for name, key in world.calls if name == "charge"]
        assert (keys[-1] == keys[0]) is same
        world.close()


def test_cancel_undoes_and_ends_cancelled(world):
    found = world.start(three(world))
    world.script("charge", RetryLater("busy", after=timedelta(minutes=5)))
    world.work()
    operations.cancel(found.pk, actor="ann", reason="changed my mind")
    assert operations.cancel(found.pk, actor="ann", reason="twice").going == "back"
    found = world.run_through(found)
    assert (found.state, world.called) == ("cancelled", ["lock", "charge", "release"])
    with pytest.raises(NotAllowed) as refusal:
        operations.cancel(found.pk, actor="ann", reason="late")
    assert refusal.value.code == "ended"


def test_a_deadline_turns_the_saga_back(world):
    from sagas.engine.sweep import sweep

    table = saga(
        "hasty",
        step(world.lock, compensation=world.release),
        step(world.charge, compensation=world.refund),
        deadline=timedelta(minutes=1),
    )
    world.script("charge", RetryLater("busy", after=timedelta(minutes=5)))
    found = world.start(table)
    world.work()
    world.later(timedelta(minutes=2))
    sweep()
    found = world.run_through(found)
    assert (found.state, found.cause, world.called[-1]) == ("compensated", "deadline", "release")


class Order(BaseModel):
    sku: str
    amount: int


def test_the_input_is_checked_and_typed(world):
    table = saga("typed", step(world.lock, reads_only=True), input=Order)
    with pytest.raises(InvalidInput) as refusal:
        world.start(table, {"sku": "x", "amount": "many"})
    assert refusal.value.errors[0]["pointer"] == "/amount"
    world.run_through(world.start(table, {"sku": "x", "amount": 3}))
    assert world.contexts[0].input == Order(sku="x", amount=3)


def test_a_business_key_is_held_by_one_open_saga(world):
    table = three(world)
    first = world.start(table, business_key="A-1")
    assert world.start(table, business_key="A-1").pk == first.pk
    with pytest.raises(NotAllowed):
        world.start(table, business_key="A-1", on_duplicate="refuse")
    world.run_through(first)
    assert world.start(table, business_key="A-1").pk != first.pk


@override_settings(SAGAS={"ONE_STATEMENT": False})
def test_under_the_lock_the_happy_path_costs_one_commit_a_step_and_five_statements(world):
    table = saga("long", *(step(world.function(f"s{n}"), compensation=world.undo) for n in range(8)))
    with CaptureQueriesContext(
        connection,
    ) as queries:
        found = world.start(table)
        run = Run.objects.get(saga=found)
        queries_of_test = 1
        delivery.deliver(run.pk, run.fence, world.worker)
    assert Saga.objects.get(pk=found.pk).state == "completed"
    statements = [query["sql"] for query in queries]
    commits = [sql for sql in statements if sql.startswith("SAVEPOINT")]  # each would be one outside of the test's own
    bare = [sql for sql in statements if not sql.startswith(("BEGIN", "COMMIT", "SAVEPOINT", "RELEASE"))]
    assert len(commits) <= 8 + 2
    assert len(bare) - queries_of_test <= 5 * (8 + 2)
    assert Journal.objects.filter(saga=found).count() == len(commits)


def test_a_slice_ends_so_that_others_get_their_turn(world):
    table = saga("long", *(step(world.function(f"s{n}"), compensation=world.undo) for n in range(14)))
    found = world.start(table)
    run = Run.objects.get(saga=found)
    assert delivery.deliver(run.pk, run.fence, world.worker) == 10
    assert Run.objects.get(saga=found, work=Work.DUE).path == "s10"


def test_the_journal_tells_every_state(world):
    world.script("ship", Abort("no"))
    found = world.run_through(world.start(three(world)))
    states = [move["saga"] for move in moves_of(found) if "saga" in move]
    assert states == ["running", "compensating", "compensated"]


def test_an_earlier_result_is_found_by_name_and_by_function_and_a_siblings_is_not(world):
    seen = {}

    def look(ctx):
        seen.update(by_name=ctx.results["first"], by_function=ctx.result(first), names=list(ctx.results))
        with pytest.raises(KeyError, match="is not a row before this one"):
            ctx.results["sibling"]
        return {}

    first = world.function("lock")
    table = saga(
        "looks",
        step(first, name="first", reads_only=True),
        parallel(step(look, reads_only=True), step(world.function("x"), name="sibling", reads_only=True)),
    )
    assert world.run_through(world.start(table)).state == "completed"
    assert seen == {"by_name": {"from": "lock"}, "by_function": {"from": "lock"}, "names": ["first"]}
