"""A saga of its own in a row of another: begun, cancelled, let complete, undone; the contract, sentence by sentence."""

import time
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest

import gateway.ids
from sagas import (
    Abort,
    Retry,
    RetryLater,
    child,
    operations,
    saga,
    step,
    wait,
)
from sagas.errors import Unknown
from sagas.models import Run, Saga, Work
from sagas.words.definition import Definition
from sagas.words.outcome import Refused
from sagas.words.rows import Row
from tests.sagas.orders import members, stands
from tests.sagas.world import World, run_of

pytestmark = pytest.mark.django_db

HOUR = timedelta(hours=1)
ONCE = Retry(attempts=1)


def family(world: World, *rows: Row, after: tuple[Row, ...] = (), **options: Any) -> Definition:
    """A parent with one child; both are known."""
    inner = saga("parcel", *rows)
    outer = saga("order", step(world.lock, compensation=world.unlock), child(inner, **options), *after)
    world.knows(inner, outer)
    return outer


def the_child() -> Saga:
    return Saga.objects.get(definition="parcel", parent__isnull=False)


def test_a_child_belongs_to_one_parent_row_and_never_adopts_an_open_saga(world: World) -> None:
    outer = family(world, wait("packed"))
    stranger = operations.start("parcel", None, actor="a test").saga
    found = world.start(outer)
    world.work()
    mine = the_child()
    assert (mine.parent_id, mine.depth, mine.pk != stranger.pk) == (run_of(found, "parcel").pk, 1, True)
    operations.signal(stranger.pk, "packed", {}, actor="bank")
    world.work()
    assert stands(found)[0] == "waiting"
    operations.signal(mine.pk, "packed", {}, actor="bank")
    world.work()
    assert stands(found)[0] == "completed"


@pytest.mark.parametrize("verb", ["refusal", "cancel"])
def test_a_child_that_ends_compensated_or_cancelled_fails_the_row_with_nothing_to_undo(world: World, verb: str) -> None:
    found = world.start(family(world, *members(world, "pack"), wait("packed")))
    world.work()
    if verb == "cancel":
        operations.cancel(the_child().pk, actor="ann", reason="no")
    else:
        operations.compensate(the_child().pk, actor="ann", reason="no")
    world.work()
    row = run_of(found, "parcel")
    assert (row.state, row.happened, row.undo) == ("failed", "no", "unneeded")
    assert (stands(found)[0], world.called) == ("compensated", ["lock", "pack", "unpack", "unlock"])


def with_a_child_given_up(world: World) -> Saga:
    world.script("pack", Unknown("lost"))
    found = world.start(family(world, *members(world, "pack", idempotent=False)))
    world.work()
    operations.give_up(the_child().pk, actor="ann", reason="hopeless")
    world.work()
    return found


def test_a_child_that_ends_failed_is_an_incident_at_the_parent(world: World) -> None:
    found = with_a_child_given_up(world)
    assert stands(found) == ("stuck", [("parcel", "child_failed")])
    operations.retry(the_child().pk, actor="ann", reason="not hopeless")
    world.work()
    assert stands(found) == ("completed", [])


def test_a_stuck_child_makes_the_parent_wait_with_an_incident_that_points_to_it(world: World) -> None:
    world.script("pack", Unknown("lost"))
    found = world.start(family(world, *members(world, "pack", idempotent=False)))
    world.work()
    assert stands(found) == ("waiting", [("parcel", "child_stuck")])
    assert str(the_child().pk) in found.incidents.get().sentence
    operations.retry(the_child().pk, actor="ann", reason="again")
    world.work()
    assert stands(found) == ("completed", [])


def test_turning_the_parent_back_cancels_a_running_child_and_waits_for_its_end(world: World) -> None:
    world.script("unpack", RetryLater("busy", after=HOUR))
    found = world.start(family(world, *members(world, "pack"), wait("packed")))
    world.work()
    operations.cancel(found.pk, actor="ann", reason="no")
    world.work()
    assert (the_child().state, stands(found)[0]) == ("compensating", "compensating")
    assert "unlock" not in world.called
    world.later(HOUR)
    world.work()
    assert (the_child().state, stands(found)[0]) == ("cancelled", "cancelled")
    assert world.called[-2:] == ["unpack", "unlock"]


def test_a_child_past_its_pivot_is_let_complete(world: World) -> None:
    found = world.start(
        family(world, step(world.pay, pivot=True), wait("packed", on_timeout="continue"), no_compensation="it is sent")
    )
    world.work()
    operations.cancel(found.pk, actor="ann", reason="no")
    world.work()
    assert (the_child().state, stands(found)[0]) == ("waiting", "compensating")
    assert "unlock" not in world.called
    operations.signal(the_child().pk, "packed", {}, actor="bank")
    world.work()
    assert (the_child().state, stands(found)[0]) == ("completed", "cancelled")


def test_a_child_told_to_cancel_while_its_pivot_is_open_goes_back_if_that_did_not_happen(world: World) -> None:
    outer = family(world, *members(world, "pack"), step(world.pay, pivot=True), no_compensation="it is sent")
    found = world.start(outer)
    for _ in range(3):
        run = Run.objects.get(work=Work.DUE)
        world.deliver_one(run)
    held = world.attempt(the_child(), "pay")
    operations.cancel(found.pk, actor="ann", reason="no")
    world.work()
    assert the_child().going == "forward"
    world.answer(held, Refused(error="no"))
    world.work()
    assert (the_child().state, stands(found)[0]) == ("cancelled", "cancelled")


def test_compensating_a_completed_child_reopens_it_and_runs_its_own_way_back(world: World) -> None:
    after = (step(world.fail, reads_only=True),)
    world.script("fail", Abort("no"))
    world.script("unpack", Abort("cannot"))
    found = world.start(family(world, *members(world, "pack", "label"), after=after))
    world.work()
    assert (the_child().state, the_child().cause) == ("stuck", "parent")
    assert stands(found) == ("compensating", [("parcel", "child_stuck")])
    operations.retry(the_child().pk, actor="ann", reason="again")
    world.work()
    assert (the_child().state, stands(found)) == ("compensated", ("compensated", []))
    assert world.called == ["lock", "pack", "label", "fail", "unlabel", "unpack", "unpack", "unlock"]


def test_a_childs_end_is_a_due_run_for_its_parent_and_the_parents_cancel_one_for_the_child(world: World) -> None:
    found = world.start(family(world, wait("packed")))
    world.work()
    before = Saga.objects.get(pk=the_child().pk).rev
    operations.cancel(found.pk, actor="ann", reason="no")
    assert the_child().rev == before
    message = Run.objects.get(saga=the_child(), kind="message", work=Work.DUE)
    parent = Saga.objects.get(pk=found.pk).rev
    world.deliver(message)
    assert (the_child().state, Saga.objects.get(pk=found.pk).rev) == ("cancelled", parent)
    news = Run.objects.get(saga=found, kind="message", work=Work.DUE)
    world.deliver(news)
    world.work()
    assert stands(found)[0] == "cancelled"
    assert not Run.objects.filter(kind="message").exists()


def test_a_childs_result_is_that_of_its_last_row(world: World) -> None:
    seen: list[Any] = []
    look = step(lambda ctx: seen.append(ctx.results["parcel"]), name="see", reads_only=True)
    world.start(family(world, *members(world, "pack", "label"), after=(look,)))
    world.work()
    assert seen == [{"saga": str(the_child().pk), "state": "completed", "result": {"from": "label"}}]


def test_a_child_without_a_way_back_is_left_as_it_is(world: World) -> None:
    world.script("fail", Abort("no"))
    after = (step(world.fail, reads_only=True),)
    found = world.start(family(world, *members(world, "pack"), after=after, no_compensation="a trifle"))
    world.work()
    assert (the_child().state, stands(found)[0]) == ("completed", "compensated")
    assert world.called == ["lock", "pack", "fail", "unlock"]


def test_the_child_that_counts_is_the_last_one_whatever_the_clocks_of_the_machines_that_began_them(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.script("pack", Abort("no"))
    with monkeypatch.context() as patch:
        hour_ahead = SimpleNamespace(time_ns=lambda: time.time_ns() + 3600 * 10**9)
        patch.setattr(gateway.ids, "time", hour_ahead)
        patch.setattr(gateway.ids, "_last", gateway.ids._Last())  # it is another machine
        found = world.start(family(world, *members(world, "pack"), on_failure="incident"))
        world.work()
    first = the_child()
    operations.retry(found.pk, actor="ann", reason="again")
    world.work()
    second = Saga.objects.get(definition=first.definition, state="completed")
    assert second.pk < first.pk
    assert stands(found)[0] == "completed"
