"""Hostile messages: whatever the bytes and headers are, the parser says an event or a sentence, and nothing else."""

import json
import random

import pytest

from gateway import limits
from sagas.events.arriving import Malformed, Message, parse
from sagas.events.sources.source import a_word, headers_of

WHOLE = {
    "specversion": "1.0",
    "id": "e1",
    "source": "/s",
    "type": "a.b",
    "subject": "x",
    "time": "2026-01-01T00:00:00Z",
}
WHOLE |= {"data": {"n": 1, "deep": [1, {"a": None}]}, "datacontenttype": "application/json"}
VALUES = [
    *(None, True, False, 0, -1, 1e308, 10**299, 10**301, "", " ", "\x00", "\ud800", "a\u202eb", "x" * 5000),
    *(
        [],
        {},
        [[]] * 50,
        {"a": {"a": {}}},
        "🦊" * 100,
        "1.0",
        "NaN",
        "<script>",
        "'; DROP TABLE sagas_saga; --",
        "../..",
    ),
]
IN_HEADERS = {"ce_specversion": "1.0", "ce_id": "1", "ce_source": "/s", "ce_type": "t"}
RAW = [
    *(b"", b" ", b"null", b"true", b"1", b'"x"', b"[]", b"{}", b"{", b"\x00", b"\xff\xfe\x00", b"\xef\xbb\xbf{}"),
    *(b"NaN", b"Infinity", b"1e999", b"-" + b"9" * 5000, b"[" * 100_000, b'{"a":' * 50_000, b'"\\ud800"', b'"\\u0000"'),
    *(b"x" * (limits.LARGEST + 1), json.dumps("y" * limits.LARGEST).encode(), b'{"specversion":"1.0"}'),
    b'{"specversion":"1.0","id":"1","source":"/s","type":"a.b","data_base64":"AAA="}',
    b'{"id":"1","id":"2","specversion":"1.0","source":"/s","type":"a.b"}',
]
MESSAGES = [Message(body=body) for body in RAW]
MESSAGES += [Message(body=body, id="m", type="a.b") for body in RAW]
MESSAGES += [Message(body=json.dumps({**WHOLE, name: value}).encode()) for name in WHOLE for value in VALUES]
MESSAGES += [Message(body=json.dumps({k: v for k, v in WHOLE.items() if k != name}).encode()) for name in WHOLE]
MESSAGES += [
    Message(
        body=b"{}",
        headers={"ce_specversion": "1.0", "ce_id": "1", "ce_source": "/s", "ce_type": "t", f"ce_{n}": str(v)},
    )
    for n in ("id", "type", "source", "subject")
    for v in VALUES
]


def said_of(message: Message) -> str:
    """The kind of answer: "event", or "sentence" for a refusal in words."""
    try:
        event = parse(message)
    except Malformed as error:
        assert 10 < len(str(error)) < 400
        assert limits.clean_text(str(error), 500) == str(error)
        return "sentence"
    limits.check({"id": event.id, "type": event.type, "source": event.source, "subject": event.subject})
    limits.check(event.data)
    assert event.id
    assert event.type
    assert event.source
    return "event"


def test_every_message_is_an_event_or_refused_in_a_sentence():
    found = [said_of(message) for message in MESSAGES]
    assert found.count("event") > 50
    assert found.count("sentence") > 150


def test_what_is_cut_turned_and_mixed_is_answered_as_well():
    chance, whole = random.Random(7), json.dumps(WHOLE).encode()
    found = set()
    for _ in range(2000):
        body = bytearray(whole)
        for _ in range(chance.randint(1, 4)):
            place = chance.randrange(len(body))
            match chance.randrange(3):
                case 0:
                    body[place] = chance.randrange(256)
                case 1:
                    del body[place : place + chance.randint(1, 20)]
                case _:
                    body[place:place] = chance.choice([b"{", b"[", b'"', b"\\", b"\x00", b",", b"1e9"])
            if not body:
                break
        found.add(said_of(Message(body=bytes(body))))
    assert found == {"event", "sentence"}


@pytest.mark.django_db
def test_every_message_is_stored_or_known_and_leaves_the_way_free():
    from django.test import override_settings

    from sagas.events import inbox
    from sagas.models import InboxEvent
    from sagas.words import routes

    shop = {"kind": "rabbitmq", "url": "amqp://nowhere", "queue": "q"}
    with override_settings(SAGAS={"EVENT_SOURCES": {"shop": shop}}), routes.Replaced():
        became = {inbox.take("shop", message) for message in MESSAGES}
    assert became == {"parked", "again"}
    assert set(InboxEvent.objects.values_list("state", flat=True)) == {"parked"}
    assert not InboxEvent.objects.filter(reason="").exists()


@pytest.mark.parametrize(
    "given",
    [
        None,
        {},
        {b"ce_id": b"\xff\xfe"},
        {"a": object()},
        {1: 2, None: "x"},
        {"x" * 9999: "y" * 99999},
        {f"h{n}": n for n in range(500)},
    ],
    ids=lambda value: type(value).__name__,
)
def test_headers_are_text_and_bounded(given):
    found = headers_of(given)
    assert len(found) <= 64
    assert all(isinstance(name, str) and isinstance(value, str) for name, value in found.items())
    assert all(len(name) <= 100 and len(value) <= 1000 for name, value in found.items())
    limits.check(found)


@pytest.mark.parametrize("given", [None, 7, b"\xff", "x" * 256, "\x00", "", [], {}])
def test_an_id_that_is_none_is_left_out(given):
    assert limits.clean_text(a_word(given), 255) == a_word(given)
    assert a_word("order-7") == a_word(b"order-7") == "order-7"
