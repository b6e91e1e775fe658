"""Interleavings that are rare, and were found by the model: each through the real engine."""

from datetime import timedelta
from typing import Any

import pytest

from sagas import Abort, Retry, approval, child, each, operations, parallel, saga, step, wait
from sagas.engine.context import Context
from sagas.errors import NotAllowed
from sagas.models import Saga
from sagas.words.outcome import Lost, Succeeded
from tests.sagas.world import World, open_incidents, run_of

pytestmark = pytest.mark.django_db(transaction=True)

ONCE = Retry(attempts=1)
WHO: dict[str, Any] = {"actor": "ann", "reason": "the phone rang"}


def state_of(found: Saga) -> str:
    found.refresh_from_db()
    return found.state


# A saga that was given up


def given_up(world: World, *, landing: bool = False) -> Saga:
    """An order whose first compensation was refused, and which was given up."""
    world.script("release", Abort("no"))
    if not landing:
        world.script("charge", Abort("no"))
    table = saga(
        "order",
        step(world.lock, compensation=world.release),
        step(world.charge, compensation=world.refund, retry=ONCE),
    )
    return world.start(table)


def test_what_the_retry_does_not_name_needs_a_person_again(world: World) -> None:
    for name in ("lock", "charge"):
        world.script(name, Abort("no"))
    rows = [step(world.function(n), no_compensation="none", on_failure="incident") for n in ("lock", "charge")]
    found = world.start(saga("order", parallel(*rows)))
    world.work(found)
    operations.give_up(found.pk, **WHO)
    operations.retry(found.pk, step="lock", **WHO)
    world.work(found)
    assert (state_of(found), open_incidents(found)) == ("stuck", [("charge", "refused")])


def test_what_was_done_by_hand_meanwhile_stays_done(world: World) -> None:
    found = given_up(world)
    world.work(found)
    operations.give_up(found.pk, **WHO)
    operations.waive(found.pk, step="lock", **WHO)
    operations.retry(found.pk, **WHO)
    assert (state_of(found), open_incidents(found)) == ("compensated", [])


def test_what_landed_meanwhile_is_undone_when_it_goes_on(world: World) -> None:
    found = given_up(world, landing=True)
    world.deliver_one(run_of(found, "lock"))
    held = world.attempt(found, "charge")
    world.lose(held)
    world.work(found)
    assert (state_of(found), world.called.count("refund")) == ("stuck", 1)
    operations.give_up(found.pk, **WHO)
    world.answer(held, Succeeded())
    operations.retry(found.pk, **WHO)
    world.work(found)
    assert (state_of(found), world.called.count("refund")) == ("compensated", 2)


def parent_and_child(world: World) -> tuple[Saga, Saga]:
    """A parent whose child was given up."""
    world.script("pick", Abort("no"))
    inner = saga("shipment", step(world.pick, no_compensation="none", on_failure="incident"))
    outer = saga("order", child(inner))
    world.knows(outer, inner)
    parent = world.start(outer)
    world.work()
    born = Saga.objects.get(definition="shipment")
    operations.give_up(born.pk, **WHO)
    world.work()
    return parent, born


def test_a_parent_that_was_given_up_goes_on_and_then_its_child(world: World) -> None:
    parent, born = parent_and_child(world)
    operations.give_up(parent.pk, **WHO)
    operations.retry(parent.pk, **WHO)
    assert (state_of(parent), open_incidents(parent)) == ("stuck", [("shipment", "child_failed")])
    operations.retry(born.pk, **WHO)
    world.work()
    assert state_of(parent) == "completed"


def test_nobody_gives_a_parent_up_while_its_child_goes_on(world: World) -> None:
    parent, born = parent_and_child(world)
    world.script("pick", Abort("no"))
    operations.retry(born.pk, **WHO)  # its parent has not heard of it yet
    with pytest.raises(NotAllowed) as refused:
        operations.give_up(parent.pk, **WHO)
    assert refused.value.code == "at_work"
    assert "give_up" not in operations.allowed(parent)


# Losers


def test_a_held_group_that_is_not_needed_holds_nobody_up(world: World) -> None:
    def nothing_to_list(ctx: Context) -> list[int]:
        raise LookupError("no such list")

    lines = each("lines", step(world.pack, compensation=world.unpack), items=nothing_to_list)
    found = world.start(saga("order", parallel(step(world.lock, compensation=world.release), lines, join=1)))
    world.deliver_one(run_of(found, "lines"))
    assert run_of(found, "lines").held
    world.work(found)
    assert (state_of(found), open_incidents(found)) == ("completed", [])


def test_a_loser_takes_its_incident_along(world: World) -> None:
    world.script("charge", Abort("no"))
    rows = [
        step(world.lock, compensation=world.release),
        step(world.charge, compensation=world.refund, on_failure="incident"),
    ]
    found = world.start(saga("order", parallel(*rows, join=1), wait("paid")))
    world.deliver_one(run_of(found, "charge"))
    operations.retry(found.pk, step="charge", **WHO)
    world.deliver_one(run_of(found, "lock"))
    assert open_incidents(found) == []


def test_a_step_that_was_skipped_in_doubt_is_undone_with_its_group(world: World) -> None:
    world.script("charge", ValueError("nobody knows"))
    lost = parallel(
        step(world.charge, compensation=world.refund, optional=True, retry=ONCE),
        step(world.pack, compensation=world.unpack),
    )
    found = world.start(saga("order", parallel(lost, step(world.lock, compensation=world.release), join=1)))
    world.deliver_one(run_of(found, "charge"))
    assert run_of(found, "charge").state == "skipped"
    world.deliver_one(run_of(found, "lock"))
    world.work(found)
    assert (state_of(found), "refund" in world.called) == ("completed", True)


def test_what_landed_late_and_cannot_be_undone_stays_with_a_person(world: World) -> None:
    rows = [step(world.lock, compensation=world.release), step(world.charge, no_compensation="none")]
    found = world.start(saga("order", parallel(*rows, join=1), wait("paid")))
    held = world.attempt(found, "charge")
    world.lose(held)
    world.deliver_one(run_of(found, "lock"))
    world.answer(held, Succeeded())
    assert open_incidents(found) == [("charge", "late_success")]
    operations.cancel(found.pk, **WHO)
    world.work(found)
    assert (state_of(found), open_incidents(found)) == ("cancelled", [("charge", "late_success")])


# The point of no return


def test_skipping_the_pivot_tells_of_the_deadline_that_was_noted(world: World) -> None:
    world.script("charge", Abort("half", done={"paid": 1}))
    table = saga(
        "order",
        step(world.charge, no_compensation="none", pivot=True),
        wait("paid", on_timeout="continue", timeout=timedelta(days=9)),
        deadline=timedelta(minutes=5),
    )
    found = world.start(table)
    world.work(found)
    world.sweep_later(timedelta(minutes=6))
    operations.skip(found.pk, step="charge", **WHO)
    found.refresh_from_db()
    assert found.committed_at
    assert (found.wanted_back, open_incidents(found)) == ("", [("", "deadline")])


def test_a_late_word_of_the_pivot_passes_nothing(world: World) -> None:
    found = world.start(saga("order", step(world.charge, no_compensation="none", pivot=True)))
    held = world.attempt(found, "charge")
    world.lose(held)
    world.answer(held, Succeeded())
    world.answer(world.attempt(found, "charge"), Lost(error="no answer"))
    found.refresh_from_db()
    assert found.committed_at is None


def test_a_pivot_that_a_person_says_did_not_happen_lets_go_back_what_was_to_go_back(world: World) -> None:
    table = saga(
        "order",
        step(world.lock, compensation=world.release),
        step(world.charge, no_compensation="none", probe=world.ask, pivot=True),
        deadline=timedelta(minutes=5),
    )
    found = world.start(table)
    world.deliver_one(run_of(found, "lock"))
    world.answer(world.attempt(found, "charge"), Lost(error="no answer"))
    world.sweep_later(timedelta(minutes=6))
    operations.resolve(found.pk, step="charge", landed=False, **WHO)
    world.work(found)
    assert (state_of(found), world.called) == ("compensated", ["lock", "release"])


# What is asked, or undone, again


def test_an_approval_that_was_refused_is_asked_for_again(world: World) -> None:
    found = world.start(saga("order", approval("large", on_failure="incident")))
    operations.decide(found.pk, step="large", approved=False, actor="ben", reason="too dear")
    world.work(found)
    assert run_of(found, "large").held
    operations.retry(found.pk, **WHO)
    assert (state_of(found), run_of(found, "large").given) == ("waiting", None)
    operations.decide(found.pk, step="large", approved=True, actor="cleo", reason="a good customer")
    world.work(found)
    assert state_of(found) == "completed"


def test_a_parent_undoes_nothing_of_its_child_that_did_not_happen(world: World) -> None:
    world.script("gift", Abort("no"))
    world.script("ship", Abort("no"))
    inner = saga(
        "shipment",
        step(world.gift, compensation=world.take_back, optional=True),
        step(world.pack, compensation=world.unpack),
    )
    outer = saga("order", child(inner), step(world.ship, compensation=world.recall))
    world.knows(outer, inner)
    found = world.start(outer)
    world.work()
    assert (state_of(found), world.called) == ("compensated", ["gift", "pack", "ship", "unpack"])
