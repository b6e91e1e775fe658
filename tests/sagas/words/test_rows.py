"""Every kind of row, through the real engine."""

from datetime import timedelta

import pytest
from pydantic import BaseModel

from sagas import (
    FAILED,
    TIMED_OUT,
    Abort,
    Retry,
    approval,
    child,
    each,
    operations,
    parallel,
    saga,
    sleep,
    step,
    wait,
)
from sagas.errors import NotAllowed
from sagas.models import Run, Saga
from tests.sagas.world import World, open_incidents, run_of

pytestmark = pytest.mark.django_db(transaction=True)

NOW = Retry(attempts=1)


class Settlement(BaseModel):
    status: str


def test_a_wait_takes_its_signal_and_hands_it_on(world: World) -> None:
    seen = {}

    def ship(ctx):
        seen["settled"] = ctx.results["settled"]

    table = saga("order", step(world.charge, compensation=world.refund), wait("settled"), step(ship, reads_only=True))
    found = world.start(table)
    world.work(found)
    found.refresh_from_db()
    assert (found.state, run_of(found, "settled").work) == ("waiting", "waiting")
    told = operations.signal(found.pk, "settled", {"status": "ok"}, actor="bank")
    assert told.taken
    world.work(found)
    found.refresh_from_db()
    assert found.state == "completed"
    assert seen == {"settled": {"status": "ok"}}


def test_an_early_signal_is_kept(world: World) -> None:
    table = saga("order", step(world.charge, compensation=world.refund), wait("settled", schema=Settlement))
    found = world.start(table)
    assert not operations.signal(found.pk, "settled", {"status": "ok"}, actor="bank").taken
    world.work(found)
    found.refresh_from_db()
    assert found.state == "completed"
    assert run_of(found, "settled").result == {"status": "ok"}


def test_what_is_not_accepted_turns_back(world: World) -> None:
    def must_be_ok(ctx, payload):
        if payload.status != "ok":
            raise Abort("declined")

    table = saga(
        "order", step(world.charge, compensation=world.refund), wait("settled", schema=Settlement, accept=must_be_ok)
    )
    found = world.start(table)
    operations.signal(found.pk, "settled", {"status": "declined"}, actor="bank")
    world.work(found)
    found.refresh_from_db()
    assert (found.state, world.called) == ("compensated", ["charge", "refund"])


@pytest.mark.parametrize(("on_timeout", "end"), [("compensate", "compensated"), ("continue", "completed")])
def test_a_wait_times_out(world: World, on_timeout: str, end: str) -> None:
    seen = []
    table = saga(
        "order",
        step(world.charge, compensation=world.refund),
        wait("settled", timeout=timedelta(minutes=5), on_timeout=on_timeout),
        step(lambda ctx: seen.append(ctx.results["settled"]), name="look", reads_only=True),
    )
    found = world.start(table)
    world.work(found)
    world.sweep_later(timedelta(minutes=4))
    world.work(found)
    found.refresh_from_db()
    assert found.state == "waiting"
    world.sweep_later(timedelta(minutes=2))
    world.work(found)
    found.refresh_from_db()
    assert found.state == end
    assert seen == ([TIMED_OUT] if on_timeout == "continue" else [])


def test_an_approval_is_decided(world: World) -> None:
    table = saga("order", approval("large", group="sales"), step(world.charge, compensation=world.refund))
    found = world.start(table)
    found.refresh_from_db()
    assert found.state == "waiting"
    operations.decide(found.pk, step="large", approved=True, actor="ann", reason="fine")
    world.work(found)
    found.refresh_from_db()
    assert found.state == "completed"
    assert run_of(found, "large").result["by"] == "ann"


def test_a_no_turns_back(world: World) -> None:
    table = saga("order", step(world.charge, compensation=world.refund), approval("large"))
    found = world.start(table)
    world.work(found)
    operations.decide(found.pk, step="large", approved=False, actor="ann", reason="too dear")
    world.work(found)
    found.refresh_from_db()
    assert (found.state, world.called) == ("compensated", ["charge", "refund"])


def test_a_sleep_is_over_in_its_time(world: World) -> None:
    found = world.start(saga("nap", sleep(timedelta(hours=1), name="nap"), step(world.wake, reads_only=True)))
    world.sweep_later(timedelta(minutes=59))
    world.work(found)
    assert world.called == []
    world.sweep_later(timedelta(minutes=2))
    world.work(found)
    found.refresh_from_db()
    assert found.state == "completed"


def test_each_runs_all_items_and_hands_their_results_on(world: World) -> None:
    seen = {}

    def lock(ctx):
        return ctx.item * 10

    def look(ctx):
        seen.update(by_name=ctx.results["lines"], by_step=ctx.results["lock"])

    table = saga(
        "order",
        each("lines", step(lock, compensation=world.release), concurrency=2),
        step(look, reads_only=True),
    )
    found = world.start(table, {"lines": [1, 2, 3, 4, 5]})
    world.work(found)
    found.refresh_from_db()
    assert found.state == "completed"
    assert seen == {"by_name": [10, 20, 30, 40, 50], "by_step": [10, 20, 30, 40, 50]}


def test_a_failing_item_turns_back_and_every_item_that_was_done_is_undone(world: World) -> None:
    def lock(ctx):
        if ctx.item == 3:
            raise Abort("none left")
        return ctx.item

    table = saga("order", each("lines", step(lock, compensation=world.release), concurrency=1))
    found = world.start(table, {"lines": [1, 2, 3, 4, 5]})
    world.work(found)
    found.refresh_from_db()
    assert found.state == "compensated"
    assert world.called == ["release", "release"]
    states = list(Run.objects.filter(saga=found, path="lock").order_by("item").values_list("state", flat=True))
    assert states == ["succeeded", "succeeded", "failed", "cancelled", "cancelled"]


def test_some_items_may_fail(world: World) -> None:
    def lock(ctx):
        if ctx.item == 3:
            raise ValueError("who knows")
        return ctx.item

    seen = {}
    table = saga(
        "order",
        each("lines", step(lock, compensation=world.release, retry=NOW), max_failures=1),
        step(lambda ctx: seen.update(lines=ctx.results["lines"]), name="look", reads_only=True),
    )
    found = world.start(table, {"lines": [1, 2, 3, 4, 5]})
    world.work(found)
    found.refresh_from_db()
    assert found.state == "completed"
    assert seen == {"lines": [1, 2, FAILED, 4, 5]}
    assert world.called == ["release"]


def test_an_empty_list_is_passed(world: World) -> None:
    found = world.start(saga("order", each("lines", step(world.lock, compensation=world.release))), {"lines": []})
    world.work(found)
    found.refresh_from_db()
    assert found.state == "completed"


def test_a_row_that_is_not_taken_is_skipped(world: World) -> None:
    table = saga(
        "order",
        step(world.gift, compensation=world.ungift, when=lambda ctx: ctx.input["gift"]),
        parallel(
            step(world.a, reads_only=True), step(world.b, reads_only=True), when=lambda ctx: not ctx.input["gift"]
        ),
    )
    found = world.start(table, {"gift": False})
    world.work(found)
    found.refresh_from_db()
    assert (found.state, sorted(world.called)) == ("completed", ["a", "b"])
    assert run_of(found, "gift").state == "skipped"


def test_a_faulty_when_is_an_incident_and_asked_again_on_retry(world: World) -> None:
    faulty = [True]

    def decide(ctx):
        if faulty:
            raise KeyError("oops")
        return True

    table = saga("order", step(world.charge, compensation=world.refund), step(world.ship, reads_only=True, when=decide))
    found = world.start(table)
    world.work(found)
    found.refresh_from_db()
    assert (found.state, open_incidents(found)) == ("stuck", [("ship", "definition_error")])
    assert run_of(found, "charge").state == "succeeded"
    faulty.clear()
    operations.retry(found.pk, actor="ann", reason="fixed")
    world.work(found)
    found.refresh_from_db()
    assert (found.state, open_incidents(found)) == ("completed", [])


def test_the_first_of_a_join_wins_and_the_loser_is_undone(world: World) -> None:
    table = saga(
        "quotes",
        parallel(step(world.north, compensation=world.unnorth), step(world.south, compensation=world.unsouth), join=1),
        step(world.book, compensation=world.unbook),
    )
    found = world.start(table)
    north, south = run_of(found, "north"), run_of(found, "south")
    held = world.claim(south)
    world.deliver(north)
    found.refresh_from_db()
    assert found.state == "running"
    world.record(held, {"quote": 2})
    world.work(found)
    found.refresh_from_db()
    assert found.state == "completed"
    assert run_of(found, "south").loser
    assert "unsouth" in world.called and "unnorth" not in world.called


def test_a_completed_child_is_undone_by_its_own_table(world: World) -> None:
    inner = saga("shipping", step(world.book, compensation=world.unbook), step(world.label, compensation=world.unlabel))
    outer = saga(
        "order", step(world.charge, compensation=world.refund), child(inner), step(world.confirm, reads_only=True)
    )
    world.knows(inner, outer)
    world.script("confirm", Abort("no"))
    found = world.start(outer)
    world.work()
    found.refresh_from_db()
    assert found.state == "compensated"
    assert world.called == ["charge", "book", "label", "confirm", "unlabel", "unbook", "refund"]
    assert Saga.objects.get(definition="shipping").state == "compensated"


def test_a_failing_child_turns_its_parent_back(world: World) -> None:
    inner = saga("shipping", step(world.book, compensation=world.unbook), step(world.label, compensation=world.unlabel))
    outer = saga("order", step(world.charge, compensation=world.refund), child(inner))
    world.knows(inner, outer)
    world.script("label", Abort("no"))
    found = world.start(outer)
    world.work()
    found.refresh_from_db()
    assert found.state == "compensated"
    assert world.called == ["charge", "book", "label", "unbook", "refund"]


def test_cancelling_a_parent_cancels_its_child_and_waits_for_it(world: World) -> None:
    inner = saga("shipping", step(world.book, compensation=world.unbook), wait("picked_up"))
    outer = saga("order", step(world.charge, compensation=world.refund), child(inner))
    world.knows(inner, outer)
    found = world.start(outer)
    world.work()
    found.refresh_from_db()
    assert found.state == "waiting"
    operations.cancel(found.pk, actor="ann", reason="changed her mind")
    world.work()
    found.refresh_from_db()
    assert found.state == "cancelled"
    assert world.called == ["charge", "book", "unbook", "refund"]
    assert Saga.objects.get(definition="shipping").state == "cancelled"


def test_past_the_pivot_nothing_turns_back(world: World) -> None:
    table = saga(
        "order",
        step(world.charge, compensation=world.refund),
        step(world.confirm, pivot=True),
        step(world.ship, no_compensation="never"),
    )
    world.script("ship", Abort("no"))
    found = world.start(table)
    world.work(found)
    found.refresh_from_db()
    assert found.committed_at is not None
    assert (found.state, found.going, open_incidents(found)) == ("stuck", "forward", [("ship", "refused")])
    with pytest.raises(NotAllowed):
        operations.cancel(found.pk, actor="ann", reason="x")
    operations.retry(found.pk, actor="ann", reason="again")
    world.work(found)
    found.refresh_from_db()
    assert found.state == "completed"


def test_each_item_may_be_left_out(world: World) -> None:
    table = saga(
        "order",
        each("lines", step(world.lock, compensation=world.release, when=lambda ctx: ctx.item > 1), concurrency=1),
    )
    found = world.start(table, {"lines": [1, 2, 3]})
    world.work(found)
    found.refresh_from_db()
    states = list(Run.objects.filter(saga=found, path="lock").order_by("item").values_list("state", flat=True))
    assert (found.state, states) == ("completed", ["skipped", "succeeded", "succeeded"])
    assert world.called == ["lock", "lock"]
