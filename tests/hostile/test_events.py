"""Events from outside, hostile: each is done, waited with or parked with a sentence, and stands in nobody's way."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from django.test import override_settings

from sagas import on_event, saga, step, wait
from sagas.events import inbox
from sagas.events.arriving import Message
from sagas.events.sources.source import a_word, headers_of
from sagas.models import InboxEvent, Saga
from sagas.words import routes
from tests.hostile import ammunition
from tests.hostile.seeds import a_seed, replaying
from tests.sagas.world import World

pytestmark = pytest.mark.django_db

SOME = 80
"""So many of them are drawn."""
KNOWN = {"specversion": "1.0", "id": "e1", "source": "/shop", "type": "order.created", "subject": "A1", "time": "now"}
TEXTS: tuple[Any, ...] = (None, b"", b"\xff", b"\x00", "\x00", "\ud800", "x" * 5000, 1, 1.5, float("nan"))
STRANGE = (*TEXTS, [1], {"a": 1})


@pytest.fixture(autouse=True)
def source(world: World) -> Iterator[None]:
    """One source, whose events start and signal sagas; half of what they mean is read by functions that trust them."""
    declared = {"shop": {"kind": "rabbitmq", "url": "amqp://nowhere", "queue": "q"}}
    world.knows(saga("order", step(world.lock, compensation=world.release), wait("settled")))
    with override_settings(SAGAS={"EVENT_SOURCES": declared}), routes.Replaced():
        on_event("order.created", start="order", key=lambda e: e.data["number"])
        on_event("payment.settled", signal="settled", key=lambda e: e.subject)
        yield


def messages() -> Iterator[Message]:
    """Bodies that are none, events with anything anywhere, and whatever a transport may carry beside them."""
    for body in ammunition.BODIES:
        yield Message(body=body)
        yield Message(body=body, id="m1", type="order.created")
        yield Message(body=body, headers={f"ce_{name}": value for name, value in KNOWN.items()})
    for value in ammunition.VALUES:
        for name in (*KNOWN, "data", "data_base64", "datacontenttype", "partitionkey"):
            for kind in ("order.created", "payment.settled"):
                told = {name: json.dumps(known) for name, known in {**KNOWN, "type": kind}.items()}
                told = {"data": '{"number": "A1"}', **told, name: value}
                yield Message(body=("{" + ",".join(f'"{name}":{what}' for name, what in told.items()) + "}").encode())
        yield Message(body=b'{"specversion":"1.0","data":{"number":%s}}' % value.encode())
    for strange in STRANGE:
        headers = headers_of({f"ce_{name}": strange for name in KNOWN} | dict.fromkeys(TEXTS, strange))
        yield Message(body=b'{"number": "A1"}', headers=headers, id=a_word(strange), type=a_word(strange) or "x")


def test_no_event_stands_in_the_way_of_the_next(world: World) -> None:
    with replaying(a_seed()) as chance:
        for number, message in enumerate(chance.sample([*messages()], SOME)):
            before = InboxEvent.objects.count()
            became = inbox.take("shop", message)
            assert became in ("done", "waiting", "parked", "again", "ignored"), became
            for row in InboxEvent.objects.filter(state="parked").order_by("id")[before:]:
                assert row.reason.rstrip().endswith((".", ")")), row.reason
            good = {**KNOWN, "id": f"good{number}", "source": "/good", "data": {"number": f"good{number}"}}
            assert inbox.take("shop", Message(body=json.dumps(good).encode())) == "done", message
            assert Saga.objects.filter(business_key=f"good{number}").exists()
    world.work(most=5000)
    assert not Saga.objects.exclude(state__in=["waiting", "completed"]).exists()
