"""Events from outside count once, wait for their saga, and are never lost or in the way."""

import json
from datetime import timedelta

import pytest
from cryptography.fernet import Fernet
from django.test import override_settings

from sagas import on_event, operations, saga, step, wait
from sagas.events import inbox, keeping
from sagas.events.arriving import Message
from sagas.models import InboxEvent, Saga, Signal
from sagas.operations.posting import replay
from sagas.record import clock
from sagas.words import registry, routes
from tests.sagas.world import World

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def sources():
    given = {"shop": {"kind": "rabbitmq", "url": "amqp://nowhere", "queue": "q"}}
    with override_settings(SAGAS={"EVENT_SOURCES": given}), routes.Replaced():
        yield


@pytest.fixture
def order(world: World):
    table = saga(
        "order", step(world.lock, compensation=world.release), wait("settled"), step(world.ship, reads_only=True)
    )
    world.knows(table)
    on_event("order.created", start="order", key=lambda e: e.data["number"])
    on_event("payment.settled", signal="settled", key=lambda e: e.subject, park_for=timedelta(hours=1))
    return table


def event(data=None, **more):
    known = {"specversion": "1.0", "id": "e1", "source": "/shop", "type": "order.created"}
    return Message(body=json.dumps({**known, "data": data or {"number": "A1"}, **more}).encode())


def settled():
    return event({"charge": 7}, type="payment.settled", id="p1", subject="A1")


def take(message):
    return inbox.take("shop", message)


def test_an_event_starts_a_saga_once(world, order):
    assert take(event()) == "done"
    assert take(event()) == "again"
    started = Saga.objects.get()
    assert (started.business_key, started.input, started.started_by) == ("A1", {"number": "A1"}, "event:shop")
    row = InboxEvent.objects.get()
    assert (row.saga, bytes(row.body)) == (started.pk, b"")


def test_events_of_two_origins_may_have_the_same_id(world, order):
    take(event())
    assert take(event({"number": "A2"}, source="/other")) == "done"
    assert Saga.objects.count() == 2


def test_an_event_signals_the_saga_that_holds_the_key(world, order):
    take(event())
    started = Saga.objects.get()
    world.work(started)
    assert take(settled()) == "done"
    assert take(settled()) == "again"
    world.work(started)
    started.refresh_from_db()
    assert started.state == "completed"
    assert Signal.objects.get().payload == {"charge": 7}


def test_an_event_that_comes_before_its_saga_waits_for_it(world, order):
    assert take(settled()) == "waiting"
    assert take(settled()) == "again"
    take(event())
    with clock.ahead(timedelta(seconds=2)):
        assert inbox.look_again() == 1
        assert inbox.look_again() == 0
    assert Signal.objects.get().payload == {"charge": 7}
    world.run_through(Saga.objects.get())
    assert Saga.objects.get().state == "completed"


def test_an_event_whose_saga_never_comes_is_parked_when_its_time_is_over(world, order):
    take(settled())
    for minutes in (1, 30, 59):
        with clock.ahead(timedelta(minutes=minutes)):
            inbox.look_again()
            assert InboxEvent.objects.get().state == "waiting"
    with clock.ahead(timedelta(minutes=61)):
        inbox.look_again()
    row = InboxEvent.objects.get()
    assert row.state == "parked"
    assert "No open saga 'order' holds the business key 'A1'" in row.reason


def test_what_waits_is_looked_at_less_and_less_often(world, order):
    take(settled())
    row = InboxEvent.objects.get()
    assert row.due_at - row.at >= inbox.FIRST_LOOK
    with clock.ahead(timedelta(minutes=10)):
        inbox.look_again()
    row.refresh_from_db()
    assert row.due_at - row.at >= timedelta(minutes=10) + inbox.LONGEST_PAUSE


@pytest.mark.parametrize(
    ("message", "said"),
    [
        (Message(body=b"\xff\xfe"), "not JSON"),
        (Message(body=b"{}"), "no CloudEvent"),
        (Message(body=b"[" * 100_000), "not JSON"),
        (Message(body=b"x" * 300_000), "at most 256 KiB"),
        (event(specversion="0.3"), "specversion"),
        (event(id=""), "id must be text"),
        (event(id=7), "id must be text"),
        (event(type="x" * 101), "type must be text"),
        (event(source=None), "source must be text"),
        (event(subject="\x00"), "cannot be stored"),
        (event(type="nobody.asked"), "No on_event(...) is for 'nobody.asked'"),
        (event({"numbr": "A1"}), "its key= failed on this event: KeyError"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_cannot_be_done_is_parked_with_the_reason(world, order, message, said):
    if b"U+0000" in message.body or b"\\u0000" in message.body:
        said = "U+0000"
    assert take(message) == "parked"
    assert said in InboxEvent.objects.get().reason
    assert take(message) == "again"
    assert not Saga.objects.exists()


def test_an_input_that_does_not_fit_is_parked_with_what_is_wrong(world):
    from pydantic import BaseModel

    class Order(BaseModel):
        number: str

    world.knows(saga("order", step(world.lock, reads_only=True), input=Order))
    on_event("order.created", start="order")
    take(event({"number": 7}))
    assert "/input/number" in InboxEvent.objects.get().reason or "number" in InboxEvent.objects.get().reason


def test_a_signal_without_a_saga_and_without_patience_is_parked_at_once(world, order):
    with routes.Replaced():
        on_event("payment.settled", signal="settled", key=lambda e: e.subject)
        take(settled())
    assert "Say park_for=" in InboxEvent.objects.get().reason


def test_an_event_with_two_meanings_has_both_or_none(world, order):
    on_event("order.created", signal="settled", key=lambda e: e.data["other"])
    assert take(event({"number": "A1", "other": "A9"})) == "parked"
    assert not Saga.objects.exists()


def test_what_the_source_was_told_to_leave_alone_is_ignored(world, order):
    given = {"shop": {"kind": "rabbitmq", "url": "amqp://x", "queue": "q", "events": ["order.*"]}}
    with override_settings(SAGAS={"EVENT_SOURCES": given}):
        assert take(settled()) == "ignored"
    assert not InboxEvent.objects.exists()


def test_an_event_that_kills_who_takes_it_is_parked(world, order, monkeypatch):
    def die(*args):
        raise SystemExit

    message = Message(body=event().body, redelivered=True)
    with monkeypatch.context() as patched:
        patched.setattr(inbox, "_apply", die)
        for _ in range(inbox.DEADLY):
            with pytest.raises(SystemExit):
                take(message)
    assert InboxEvent.objects.get().state == "taken"
    assert take(message) == "parked"
    assert "begun 3 times" in InboxEvent.objects.get().reason
    assert take(event({"number": "A2"}, id="e2")) == "done"


def test_what_lies_in_the_inbox_is_sealed_and_done_all_the_same(world, order, settings):
    old, new = (Fernet.generate_key().decode() for _ in range(2))
    settings.GATEWAY = {**settings.GATEWAY, "VAULT_KEYS": (old,)}
    binary = Message(body=b"\xff\x00", headers={"ce_id": "b1", "shop": "Berlin"}, id="m1", type="order.created")
    take(binary)
    row = InboxEvent.objects.get()
    assert b"\xff" not in bytes(row.body)
    assert "Berlin" not in repr(row.carried)
    assert keeping.message_of(row) == binary
    take(settled())
    settings.GATEWAY = {**settings.GATEWAY, "VAULT_KEYS": (new,)}
    take(event())
    with clock.ahead(timedelta(seconds=2)):
        inbox.look_again()
    row = InboxEvent.objects.get(event_id="p1")
    assert (row.state, "put that key into VAULT_KEYS" in row.reason) == ("parked", True)
    settings.GATEWAY = {**settings.GATEWAY, "VAULT_KEYS": (new, old)}
    replay("in", actor="ann", reason="the key is back", tenant="default", ids=[row.pk])
    row.refresh_from_db()
    assert (row.state, bytes(row.body), row.carried) == ("done", b"", {})


def test_without_a_key_nothing_is_sealed_and_it_is_done_all_the_same(world, order, settings):
    settings.GATEWAY = {**settings.GATEWAY, "VAULT_KEYS": ()}
    take(settled())
    assert json.loads(bytes(InboxEvent.objects.get().body))["data"] == {"charge": 7}
    take(event())
    with clock.ahead(timedelta(seconds=2)):
        inbox.look_again()
    assert InboxEvent.objects.get(event_id="p1").state == "done"


def test_an_event_that_was_begun_and_brought_again_is_done(world, order):
    message = Message(body=event().body, redelivered=True)
    assert take(message) == "done"
    assert take(message) == "again"
    assert Saga.objects.count() == 1


@pytest.mark.parametrize("prefix", ["ce_", "ce-", "cloudEvents:", "cloudEvents_"])
def test_attributes_may_be_in_headers(world, order, prefix):
    headers = {"specversion": "1.0", "id": "e1", "source": "/shop", "type": "order.created"}
    carried = {prefix + name: value for name, value in headers.items()}
    assert take(Message(body=b'{"number": "A1"}', headers=carried)) == "done"


def test_a_plain_message_with_an_id_and_a_type_will_do(world, order):
    assert take(Message(body=b'{"number": "A1"}', id="m1", type="order.created")) == "done"
    assert take(Message(body=b'{"number": "A1"}', id="m1", type="order.created")) == "again"


def test_what_was_done_is_forgotten_after_a_while(world, order):
    take(event())
    take(event(type="nobody.asked", id="e2"))
    assert inbox.forget(clock.now() + timedelta(seconds=1)) == 1
    assert InboxEvent.objects.get().state == "parked"


def test_a_saga_that_ended_is_not_signalled_and_the_event_says_so(world, order):
    take(event())
    operations.cancel(Saga.objects.get().pk, actor="ann", reason="no")
    world.run_through(Saga.objects.get())
    assert take(settled()) == "waiting"


def test_wrong_routes_are_told_by_the_checks(world, order):
    from sagas.checks import definitions

    with routes.Replaced():
        on_event("order created", start="order")
        on_event("a.b", start="order", signal="settled")
        on_event("a.b")
        on_event("a.b", start="ordr")
        on_event("a.b", signal="setled", key=str)
        on_event("a.b", signal="settled")
        on_event("a.b", start="order", key="number")
        on_event("a.b", start="order", park_for=timedelta(hours=1))
        said = [error.msg for error in definitions()]
    assert [fault.partition(": ")[2][:22] for fault in said] == [
        "the type is words join",
        "say either start= or s",
        "say either start= or s",
        "there is no saga 'ordr",
        "no saga waits for the ",
        "say key=, a function t",
        "key must be a function",
        "payload, park_for and ",
    ]


def test_where_two_sagas_wait_for_a_signal_it_must_be_said_which(world, order):
    other = saga("refund", wait("settled"))
    with registry.replaced([order, other]), routes.Replaced():
        route = on_event("a.b", signal="settled", key=str)
        assert "say saga=: order, refund" in routes.problems()[0]
        assert route.definition == ""
        with routes.Replaced(on_event("a.b", signal="settled", saga="refund", key=str)):
            assert routes.problems() == []
