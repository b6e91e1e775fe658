"""What sagas tell the world is written with what they decide, or not at all."""

from typing import Any

import pytest
from django.db import connection, transaction
from django.test import override_settings
from django.test.utils import CaptureQueriesContext

from sagas import Abort, operations, saga, step
from sagas.conf import conf
from sagas.engine import delivery
from sagas.models import OutboxEvent, Run, Saga
from sagas.record import outbox, postgres
from sagas.words.events import Fact
from tests.sagas.world import World, run_of

pytestmark = pytest.mark.django_db

BUS = {"EVENT_TARGETS": {"bus": {"kind": "rabbitmq", "url": "amqp://nowhere"}}}


def told(found: Saga, target: str = "bus") -> list[str]:
    return [event.type for event in OutboxEvent.objects.of_saga(found.pk).filter(target=target)]


def events_of(found: Saga) -> list[dict[str, Any]]:
    return [event.cloud_event() for event in OutboxEvent.objects.of_saga(found.pk)]


def order(world: World, *more: Any) -> Any:
    return saga(
        "order", step(world.lock, compensation=world.release), step(world.charge, compensation=world.refund), *more
    )


@override_settings(SAGAS=BUS)
def test_a_saga_that_completes_tells_its_begin_its_steps_and_its_end(world: World) -> None:
    found = world.run_through(world.start(order(world), business_key="A1"))
    assert told(found) == ["saga.started", "saga.step_succeeded", "saga.step_succeeded", "saga.ended"]
    *_, charged, ended = events_of(found)
    assert charged["data"]["step"] == "charge"
    assert ended["data"] == {
        "saga": str(found.pk),
        "definition": "order",
        "business_key": "A1",
        "state": "completed",
    }
    assert (ended["specversion"], ended["subject"], ended["businesskey"]) == ("1.0", str(found.pk), "A1")
    assert ended["time"].endswith("+00:00")


@override_settings(SAGAS=BUS)
def test_a_saga_that_goes_back_tells_what_failed_and_what_was_undone(world: World) -> None:
    world.script("charge", Abort("the card of Alice is stolen", code="stolen"))
    found = world.run_through(world.start(order(world)))
    assert told(found) == [
        *("saga.started", "saga.step_succeeded", "saga.step_failed", "saga.turned_back"),
        *("saga.step_undone", "saga.ended"),
    ]
    ended = events_of(found)[-1]["data"]
    assert (ended["state"], ended["cause"], ended["step"], ended["code"]) == (
        "compensated",
        "failed_step",
        "charge",
        "stolen",
    )
    assert "Alice" not in str(events_of(found))


@override_settings(SAGAS=BUS)
def test_who_must_look_is_told_once_and_when_nobody_must_any_more(world: World) -> None:
    world.script("charge", Abort("no"))
    world.script("release", Abort("not possible"))
    found = world.run_through(world.start(order(world)))
    assert told(found)[-1] == "saga.needs_person"
    operations.waive(found.pk, actor="ann", reason="done by hand", step="lock")
    world.run_through(found)
    assert told(found)[-2:] == ["saga.needs_nobody", "saga.ended"]


@override_settings(SAGAS=BUS)
def test_a_pause_and_its_end_are_told(world: World) -> None:
    found = world.start(order(world))
    operations.pause(found.pk, actor="ann", reason="wait")
    operations.resume(found.pk, actor="ann", reason="go on")
    assert told(found) == ["saga.started", "saga.paused", "saga.resumed"]


@override_settings(SAGAS=BUS)
def test_the_lock_and_the_one_statement_tell_the_same(world: World) -> None:
    def story(one_statement: bool) -> list[dict[str, Any]]:
        world.script("charge", Abort("no"))
        with override_settings(SAGAS={**BUS, "ONE_STATEMENT": one_statement}):
            found = world.run_through(world.start(order(world)))
        return [{**event, "time": "", "data": str(event["data"])} for event in map(anonymous, events_of(found))]

    def anonymous(event: dict[str, Any]) -> dict[str, Any]:
        saga_id = event["sagaid"]
        return {k: str(v).replace(saga_id, "…") for k, v in event.items()}

    assert story(True) == story(False)


@override_settings(SAGAS=BUS)
def test_an_event_has_an_id_of_its_own_and_those_of_a_saga_are_in_order(world: World) -> None:
    found = world.run_through(world.start(order(world)))
    events = events_of(found)
    assert len({event["id"] for event in events}) == len(events)
    assert [event["sequence"] for event in events] == sorted(event["sequence"] for event in events)


def test_nothing_is_written_where_nothing_is_declared(world: World) -> None:
    world.run_through(world.start(order(world)))
    assert not OutboxEvent.objects.exists()


def test_a_target_gets_what_it_wants_and_no_more(world: World) -> None:
    targets = {
        "ends": {"kind": "rabbitmq", "url": "amqp://nowhere", "events": ["saga.ended"]},
        "others": {"kind": "rabbitmq", "url": "amqp://nowhere", "definitions": ["refund"]},
        "tenant": {"kind": "rabbitmq", "url": "amqp://nowhere", "tenants": ["acme"], "events": ["saga.started"]},
    }
    with override_settings(SAGAS={"EVENT_TARGETS": targets}):
        found = world.run_through(world.start(order(world)))
        theirs = world.start(order(world), tenant="acme")
    assert (told(found, "ends"), told(found, "others"), told(found, "tenant")) == (["saga.ended"], [], [])
    assert told(theirs, "tenant") == ["saga.started"]


@override_settings(SAGAS=BUS)
def test_what_a_step_publishes_leaves_with_its_success(world: World) -> None:
    def lock(ctx: Any) -> None:
        ctx.publish("stock.locked", {"order": 7}, subject="order/7")

    world.script("lock", lock)
    found = world.run_through(world.start(order(world)))
    [event] = [event for event in events_of(found) if event["type"] == "stock.locked"]
    assert (event["data"], event["subject"], event["sagadefinition"]) == ({"order": 7}, "order/7", "order")
    assert told(found)[:3] == ["saga.started", "stock.locked", "saga.step_succeeded"]


@override_settings(SAGAS=BUS)
def test_what_a_failed_attempt_published_is_not_told(world: World) -> None:
    def publish_and(error: Exception | None) -> Any:
        def act(ctx: Any) -> None:
            ctx.publish("stock.locked", {"attempt": ctx.attempt})
            if error is not None:
                raise error

        return act

    world.script("lock", publish_and(RuntimeError("gone")), publish_and(None))
    found = world.run_through(world.start(order(world)))
    published = [event["data"] for event in events_of(found) if event["type"] == "stock.locked"]
    assert published == [{"attempt": 2}]


@override_settings(SAGAS=BUS)
def test_what_an_attempt_published_that_was_taken_for_dead_is_not_told(world: World) -> None:
    def slow(ctx: Any) -> None:
        ctx.publish("stock.locked", {"by": "the dead"})
        world.lose(held)  # while it runs, it is taken back

    world.script("lock", slow)
    found = world.start(order(world))
    held = world.attempt(found, "lock")
    outcome = delivery.call(held)
    world.answer(held, outcome)
    assert "stock.locked" not in told(found)
    assert run_of(found, "lock").happened == "yes"  # it is known all the same


def test_what_is_published_and_nobody_takes_is_kept_for_a_person(world: World) -> None:
    world.script("lock", lambda ctx: ctx.publish("stock.locked"))
    found = world.run_through(world.start(order(world)))
    [event] = OutboxEvent.objects.of_saga(found.pk)
    assert (event.state, event.target) == ("parked", "")
    assert "No target takes this type" in event.error


@pytest.mark.parametrize("given", ["", "saga.ended", "two words", "a..b", "x" * 101, 7])
def test_a_type_that_cannot_be_is_refused_in_words(world: World, given: object) -> None:
    world.script("lock", lambda ctx: ctx.publish(given))
    found = world.start(order(world))
    world.deliver_one(run_of(found, "lock"))
    run = run_of(found, "lock")
    assert "type" in run.error or "begins with" in run.error
    assert run.code == "ValueError"


@override_settings(SAGAS=BUS)
def test_an_attempt_publishes_a_bounded_number(world: World) -> None:
    world.script("lock", lambda ctx: [ctx.publish("a.b") for _ in range(21)])
    found = world.start(order(world))
    world.deliver_one(run_of(found, "lock"))
    assert "at most 20 events" in run_of(found, "lock").error
    assert told(found) == ["saga.started"]


@pytest.mark.only_on("postgresql")
@override_settings(SAGAS=BUS)
def test_telling_the_world_costs_no_statement_and_no_commit(world: World) -> None:
    world.script("lock", lambda ctx: ctx.publish("stock.locked"))
    found = world.start(order(world))
    run = Run.objects.get(saga=found)
    with CaptureQueriesContext(connection) as queries:
        delivery.deliver(run.pk, run.fence, world.worker)
    statements = [q["sql"].lstrip().split()[0] for q in queries]
    assert statements.count("WITH") == 3
    assert statements.count("INSERT") == 0
    assert len(told(found)) == 5


def test_settings_that_cannot_be_are_told_by_the_checks() -> None:
    from sagas.checks import settings as check

    targets = {
        "a": {"kind": "carrier pigeon"},
        "b": {"kind": "rabbitmq"},
        "c": {"kind": "rabbitmq", "url": "http://x"},
        "d": {"kind": "rabbitmq", "url": "amqp://x", "exchnge": "y"},
        "e": {"kind": "rabbitmq", "url": "amqp://x", "events": "saga.*"},
        "f": {"kind": "rabbitmq", "url": "amqp://x"},
    }
    with override_settings(SAGAS={"EVENT_TARGETS": targets}):
        said = [error.msg for error in check()]
        assert conf().event_targets == targets
    assert len(said) == 5
    assert "carrier pigeon" in said[0]
    assert "exchnge" in said[3]


@override_settings(SAGAS=BUS)
def test_sagas_that_begin_in_one_statement_tell_each_its_own(world: World) -> None:
    world.knows(table := order(world))
    begun = [started.saga for started in operations.start_many(table.name, [{"n": n} for n in range(5)], actor="ann")]
    assert [told(found) for found in begun] == [["saga.started"]] * 5
    assert {event.event_id for event in OutboxEvent.objects.all()} == {f"{found.pk}.1.0" for found in begun}


@pytest.mark.only_on("postgresql")
@override_settings(SAGAS=BUS)
def test_turns_that_share_a_statement_tell_each_their_own_in_order(world: World) -> None:
    """Two changes with several events each, and one whose saga was touched meanwhile: it tells nothing."""
    world.knows(table := order(world))
    sagas = [world.start(table) for _ in range(3)]
    OutboxEvent.objects.all().delete()
    changes = []
    for found in sagas:
        moves = [{"did": "spoke"}]
        facts = [Fact(type=f"a.t{n}", data=n) for n in range(4)]
        events = outbox.rows(found, dict(found.__dict__), moves, facts, rev=found.rev + 1, now=found.updated_at)
        known = {"now": found.updated_at, "ends": False, "commits": False, "runs": [], "opened": []}
        changes.append(postgres.Change(saga=found, actor="a test", moves=moves, events=events, **known))
    Saga.objects.filter(pk=sagas[1].pk).update(rev=99)
    assert [written is not None for written in postgres.write(changes)] == [True, False, True]
    spoken = [f"a.t{n}" for n in range(4)]
    assert [told(found) for found in sagas] == [spoken, [], spoken]


def test_what_a_rolled_back_transaction_would_have_told_is_not_told(world: World) -> None:
    world.knows(table := order(world))
    with override_settings(SAGAS=BUS), pytest.raises(RuntimeError), transaction.atomic():
        operations.start(table.name, actor="ann")
        raise RuntimeError("the caller's transaction fails")
    assert not OutboxEvent.objects.exists()
