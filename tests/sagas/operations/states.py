"""Sagas in every state that there is, by the name of what they are in; each comes from the real engine."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from sagas import Retry, RetryLater, approval, child, operations, parallel, saga, sleep, step, wait
from sagas.errors import Abort, Unknown
from sagas.models import Callback, Run, Saga, Sweep
from sagas.record import clock
from sagas.words.outcome import Refused, Succeeded
from sagas.words.rows import Row
from tests.sagas.world import World, run_of

HOUR = timedelta(hours=1)
BY = {"actor": "ann", "reason": "since we must"}
ONCE = Retry(attempts=1)

State = Callable[[World], Saga]
STATES: dict[str, State] = {}


def state(build: State) -> State:
    STATES[build.__name__] = build
    return build


def begun(world: World, *rows: Row, name: str = "order", **options: Any) -> Saga:
    """A saga with something to undo, at its first step; `options` of `start`, or `deadline`."""
    wanted = {key: options.pop(key) for key in ("deadline", "on_compensation_stuck") if key in options}
    return world.start(saga(name, step(world.charge, compensation=world.refund), *rows, **wanted), **options)


def come_to(world: World, *rows: Row, **options: Any) -> Saga:
    """A saga that has come as far as it comes by itself."""
    found = begun(world, *rows, **options)
    world.work()
    found.refresh_from_db()
    return found


def going_back(world: World, *refunds: Any) -> Saga:
    world.script("refund", *refunds)
    world.script("ship", Abort("no"))
    return come_to(world, step(world.ship, reads_only=True))


@state
def to_begin_later(world: World) -> Saga:
    return begun(world, start_at=clock.now() + HOUR)


@state
def to_begin_later_with_a_deadline(world: World) -> Saga:
    return begun(world, start_at=clock.now() + HOUR, deadline=HOUR)


@state
def queued_behind_another(world: World) -> Saga:
    first = begun(world, deadline=HOUR, business_key="A")
    return operations.start(first.definition, actor="ann", business_key="A", on_duplicate="queue").saga


@state
def due(world: World) -> Saga:
    return begun(world)


@state
def running(world: World) -> Saga:
    found = begun(world)
    world.attempt(found, "charge")
    return found


@state
def in_back_off(world: World) -> Saga:
    world.script("charge", RetryLater("busy", after=HOUR / 6))
    return come_to(world)


@state
def in_back_off_and_in_doubt(world: World) -> Saga:
    world.script("ship", Unknown("lost"))
    slow = Retry(first=HOUR, longest=HOUR)
    found = begun(world, step(world.ship, compensation=world.unship, retry=slow, total=24 * HOUR))
    world.work()
    Run.objects.filter(saga=found, path="ship").update(at=clock.now() + HOUR / 2)  # jitter may draw a pause of nothing
    return found


@state
def waiting_for_a_signal(world: World) -> Saga:
    return come_to(world, wait("settled"))


@state
def waiting_with_a_deadline(world: World) -> Saga:
    return come_to(world, wait("settled"), deadline=HOUR)


@state
def waiting_for_a_decision(world: World) -> Saga:
    return come_to(world, approval("large"))


@state
def asleep(world: World) -> Saga:
    return come_to(world, sleep(HOUR, name="nap"))


@state
def held_refused(world: World) -> Saga:
    world.script("ship", Abort("no"))
    return come_to(world, step(world.ship, compensation=world.unship, on_failure="incident"))


@state
def held_in_doubt(world: World) -> Saga:
    world.script("ship", Unknown("lost"))
    return come_to(world, step(world.ship, compensation=world.unship, idempotent=False))


@state
def held_by_a_faulty_function(world: World) -> Saga:
    def decide(ctx: Any) -> bool:
        raise KeyError("oops")

    return come_to(world, step(world.ship, compensation=world.unship, when=decide))


@state
def held_while_a_sibling_runs(world: World) -> Saga:
    world.script("ship", Abort("no"))
    found = begun(
        world, parallel(step(world.ship, reads_only=True, on_failure="incident"), step(world.pack, reads_only=True))
    )
    world.record(world.attempt(found, "charge"))
    world.attempt(found, "pack")
    world.deliver(run_of(found, "ship"))
    return found


@state
def held_after_it_happened(world: World) -> Saga:
    world.script("ship", object())
    return come_to(world, step(world.confirm, pivot=True), step(world.ship, no_compensation="never"))


@state
def at_the_pivot(world: World) -> Saga:
    found = begun(world, step(world.confirm, pivot=True))
    world.record(world.attempt(found, "charge"))
    world.attempt(found, "confirm")
    return found


@state
def pivot_in_doubt(world: World) -> Saga:
    world.script("confirm", Unknown("lost"))
    return come_to(world, step(world.confirm, pivot=True, idempotent=False))


@state
def past_the_pivot(world: World) -> Saga:
    return come_to(world, step(world.confirm, pivot=True), wait("picked_up", on_timeout="continue"))


@state
def past_the_pivot_and_refused(world: World) -> Saga:
    world.script("ship", Abort("no"))
    return come_to(world, step(world.confirm, pivot=True), step(world.ship, no_compensation="never"))


@state
def past_the_pivot_with_its_deadline_missed(world: World) -> Saga:
    found = come_to(world, step(world.confirm, pivot=True), wait("picked_up", on_timeout="continue"), deadline=HOUR)
    world.sweep_later(2 * HOUR)
    return found


@state
def compensating(world: World) -> Saga:
    found = begun(world)
    world.answer(world.attempt(found, "charge"), Refused(error="no", partly=True, done=1))
    return found


@state
def draining(world: World) -> Saga:
    found = begun(world)
    world.attempt(found, "charge")
    operations.cancel(found.pk, **BY)
    return found


@state
def draining_in_doubt_behind_another(world: World) -> Saga:
    found = begun(world, parallel(*(step(world.function(n), compensation=world.unship) for n in ("left", "right"))))
    world.record(world.attempt(found, "charge"))
    left, _ = (world.attempt(found, path) for path in ("left", "right"))
    operations.cancel(found.pk, **BY)
    world.lose(left)
    return found


@state
def undoing(world: World) -> Saga:
    found = going_back(world, RetryLater("busy", after=timedelta(seconds=1)))
    world.later(2 * timedelta(seconds=10))
    world.attempt(found, "charge")
    return found


@state
def undoing_in_back_off(world: World) -> Saga:
    return going_back(world, RetryLater("busy", after=HOUR / 2))


@state
def stuck_on_the_way_back(world: World) -> Saga:
    return going_back(world, Abort("cannot"))


@state
def undone_by_hand_and_landed_again(world: World) -> Saga:
    """A waived compensation, an action that turns out to have landed, and the saga still lives."""
    found = begun(world, step(world.ship, compensation=world.unship))
    world.record(world.attempt(found, "charge"))
    held = world.attempt(found, "ship")
    operations.cancel(found.pk, **BY)
    world.lose(held)
    world.script("unship", Abort("cannot"))
    world.script("refund", Abort("cannot"))
    world.work()
    operations.waive(found.pk, step="ship", **BY)
    world.work()
    world.answer(held, Succeeded(result=1))
    return found


@state
def a_loser_that_cannot_be_undone(world: World) -> Saga:
    world.script("unslow", Abort("cannot"))
    found = begun(
        world,
        parallel(step(world.slow, compensation=world.unslow), step(world.quick, compensation=world.unquick), join=1),
        wait("settled"),
    )
    world.record(world.attempt(found, "charge"))
    held = world.attempt(found, "slow")
    world.deliver(run_of(found, "quick"))
    world.record(held)
    world.work()
    return found


@state
def paused_with_a_step_due(world: World) -> Saga:
    found = begun(world)
    return operations.pause(found.pk, **BY)


@state
def paused_while_it_waits(world: World) -> Saga:
    return operations.pause(come_to(world, wait("settled")).pk, **BY)


@state
def paused_with_a_decision_kept(world: World) -> Saga:
    found = operations.pause(come_to(world, approval("large")).pk, **BY)
    return operations.decide(found.pk, step="large", approved=True, **BY)


@state
def paused_and_held(world: World) -> Saga:
    return operations.pause(held_refused(world).pk, **BY)


def family(world: World, *rows: Row) -> Saga:
    inner = saga("shipping", step(world.book, compensation=world.unbook), *rows)
    outer = saga("order", step(world.charge, compensation=world.refund), child(inner))
    world.knows(inner, outer)
    found = world.start(outer)
    world.work()
    return found


def child_of(found: Saga) -> Saga:
    return Saga.objects.get(parent__saga=found)


@state
def waiting_for_a_child(world: World) -> Saga:
    return family(world, wait("picked_up"))


@state
def waiting_for_a_stuck_child(world: World) -> Saga:
    world.script("label", Abort("no"))
    return family(world, step(world.label, reads_only=True, on_failure="incident"))


@state
def held_by_a_child_that_was_given_up(world: World) -> Saga:
    found = waiting_for_a_stuck_child(world)
    operations.give_up(child_of(found).pk, **BY)
    world.work()
    return found


@state
def a_child_that_was_given_up(world: World) -> Saga:
    return child_of(held_by_a_child_that_was_given_up(world))


@state
def a_child_that_was_given_up_and_whose_parent_went_on(world: World) -> Saga:
    found = held_by_a_child_that_was_given_up(world)
    operations.skip(found.pk, step="shipping", **BY)
    world.work()
    return child_of(found)


@state
def completed(world: World) -> Saga:
    return come_to(world)


@state
def compensated(world: World) -> Saga:
    return going_back(world)


@state
def cancelled(world: World) -> Saga:
    found = come_to(world, wait("settled"))
    operations.cancel(found.pk, **BY)
    world.work()
    return found


@state
def given_up_forward(world: World) -> Saga:
    return operations.give_up(held_refused(world).pk, **BY)


@state
def given_up_on_the_way_back(world: World) -> Saga:
    return operations.give_up(stuck_on_the_way_back(world).pk, **BY)


@state
def given_up_and_its_key_taken(world: World) -> Saga:
    world.script("charge", Abort("no"))
    table = saga("keyed", step(world.charge, compensation=world.refund, on_failure="incident"))
    found = world.start(table, business_key="A")
    world.work()
    operations.give_up(found.pk, **BY)
    world.start(table, business_key="A")
    return found


def landed_late(world: World, *undoing: Any) -> Saga:
    """Everything undone, the saga ended, and then the action turns out to have landed after all."""
    found = begun(world)
    held = world.attempt(found, "charge")
    operations.cancel(found.pk, **BY)
    world.lose(held)
    world.work()
    world.answer(held, Succeeded(result=1))
    world.script("refund", *undoing)
    return found


@state
def ended_and_landed_after_all(world: World) -> Saga:
    return landed_late(world)


@state
def ended_and_landed_and_cannot_be_undone(world: World) -> Saga:
    found = landed_late(world, Abort("cannot"))
    operations.retry(found.pk, **BY)
    world.work()
    return found


@state
def ended_and_landed_and_waived(world: World) -> Saga:
    found = landed_late(world)
    return operations.waive(found.pk, step="charge", **BY)


def ended_with_an_address(world: World, **about: Any) -> Saga:
    found = come_to(world)
    Callback.objects.create(saga=found, url="https://shop.example.org/ended", at=clock.now(), **about)
    return found


@state
def ended_and_not_told_yet(world: World) -> Saga:
    return ended_with_an_address(world)


@state
def ended_and_told(world: World) -> Saga:
    return ended_with_an_address(world, tries=1, status=204, done_at=clock.now())


@state
def ended_and_to_be_told_again(world: World) -> Saga:
    return ended_with_an_address(world, tries=3, status=500, error="It answered 500.")


@state
def ended_and_given_up_to_tell(world: World) -> Saga:
    return ended_with_an_address(world, tries=20, status=500, error="It answered 500.", done_at=clock.now())


def put_aside(world: World) -> None:
    """Nothing of the sagas that there are is in the way of the next one."""
    Run.objects.update(work=None, at=None, worker=None)
    Saga.objects.update(holds_key=False)
    Sweep.objects.all().delete()
    world.scripts.clear()
    world.close()


def fresh(found: Saga) -> Saga:
    return Saga.objects.get(pk=found.pk)
