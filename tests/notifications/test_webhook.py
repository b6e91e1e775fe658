"""Webhooks, against a receiver that verifies signatures, and one that misbehaves in every way."""

import json
import logging
from datetime import timedelta

import pytest

from gateway import calls
from gateway.signatures import Unverified, made_secret, verify
from notifications import delivery
from notifications.conf import conf
from tests.harness.waiting import wait_until
from tests.notifications import peer as peers
from tests.notifications.door import PATH
from tests.notifications.peer import DRIP, DRIPPING_BODY, FLOOD, HANG_UP, SILENCE
from tests.notifications.post import a_notification, later, now, results

pytestmark = pytest.mark.django_db

OLD, NEW = made_secret(b"a" * 32), made_secret(b"b" * 32)


@pytest.fixture
def receiver(settings):
    settings.NOTIFICATIONS = {"ALLOWED_NETWORKS": ("127.0.0.0/8",), "WEBHOOK_SECRETS": (OLD, NEW)}
    with peers.listening() as receiver:
        yield receiver


def told(receiver, **values):
    return a_notification(receiver={"url": f"{receiver.url}/hooks/17?key=secret"}, **values).pk


def test_a_receiver_can_tell_who_sent_it_and_that_it_is_whole(receiver):
    pk = told(receiver, content={"subject": "Hi", "text": "Grüße"}, metadata={"order": "17"})
    assert delivery.deliver(pk) == "sent"
    (request,) = receiver.requests
    assert request.path == "/hooks/17?key=secret"
    for secret in (OLD, NEW):
        assert verify([secret], request.headers, request.body) == f"msg_{pk.hex}"
    with pytest.raises(Unverified):
        verify([made_secret(b"c" * 32)], request.headers, request.body)
    document = json.loads(request.body)
    assert document["type"] == "notification"
    assert document["data"] == {"id": str(pk), "subject": "Hi", "text": "Grüße", "metadata": {"order": "17"}}


def test_every_attempt_has_the_same_id_so_a_second_one_can_be_told(receiver):
    receiver.answers.append(503)
    pk = told(receiver)
    delivery.deliver(pk)
    later(timedelta(days=1))
    assert delivery.deliver(pk) == "sent"
    assert {request.headers["webhook-id"] for request in receiver.requests} == {f"msg_{pk.hex}"}


def test_without_secrets_there_is_one_of_its_own(settings):
    settings.NOTIFICATIONS = {}
    (first,) = conf().signing_secrets
    settings.SECRET_KEY = "another one"
    (second,) = conf().signing_secrets
    assert first.startswith("whsec_") and first != second


@pytest.mark.parametrize(
    ("answer", "result", "code", "status"),
    [
        (200, "sent", "", "sent"),
        (204, "sent", "", "sent"),
        (301, "refused", "301", "failed"),
        (400, "refused", "400", "failed"),
        (401, "denied", "401", "queued"),
        (404, "refused", "404", "failed"),
        (410, "gone", "410", "bounced"),
        (429, "out", "429", "queued"),
        (500, "unknown", "500", "queued"),
        (503, "out", "503", "queued"),
        (HANG_UP, "unknown", "no_answer", "queued"),
        (SILENCE, "unknown", "no_answer", "queued"),
    ],
)
def test_what_the_receiver_answers_decides_what_is_known(receiver, monkeypatch, answer, result, code, status):
    if answer == SILENCE:
        brief = {**calls.post.__kwdefaults__, "patience": timedelta(seconds=2)}
        monkeypatch.setattr(calls.post, "__kwdefaults__", brief)
    receiver.answers.append(answer)
    pk = told(receiver)
    assert delivery.deliver(pk) == status
    assert results(pk) == [result]
    assert now(pk).attempts.get().code == code
    wait_until(lambda: len(receiver.requests) == 1, "it is heard")


def test_a_redirect_is_not_followed(receiver):
    receiver.answers.append((302, {"Location": f"{receiver.url}/inside"}))
    assert delivery.deliver(told(receiver)) == "failed"
    assert len(receiver.requests) == 1


def test_a_pause_that_is_asked_for_is_made(receiver):
    receiver.answers.append((429, {"Retry-After": "3600"}))
    pk = told(receiver)
    delivery.deliver(pk)
    assert now(pk).due_at - now(pk).updated_at == timedelta(hours=1)


def test_an_answer_without_an_end_is_cut(receiver):
    receiver.answers.append((400, {}, b"x" * 1_000_000))
    pk = told(receiver)
    delivery.deliver(pk)
    assert len(now(pk).error) < 400


@pytest.mark.parametrize(
    ("answer", "result"),
    [(DRIP, "unknown"), (FLOOD, "unknown"), (DRIPPING_BODY, "sent")],  # of the last one the status is known
)
def test_an_answer_that_comes_slowly_or_never_ends_is_given_up_on(receiver, monkeypatch, answer, result):
    """No single read takes long; the answer would take for ever."""
    brief = {**calls.post.__kwdefaults__, "patience": timedelta(seconds=2)}
    monkeypatch.setattr(calls.post, "__kwdefaults__", brief)
    receiver.answers.append(answer)
    pk = told(receiver)
    delivery.deliver(pk)
    assert results(pk) == [result]


def test_nobody_there_was_sent_nothing(settings):
    settings.NOTIFICATIONS = {"ALLOWED_NETWORKS": ("127.0.0.0/8",)}
    pk = a_notification(receiver={"url": "http://127.0.0.1:1/"}).pk
    delivery.deliver(pk)
    assert results(pk) == ["out"]


def test_one_receiver_that_is_out_does_not_hold_up_another(receiver, settings):
    settings.NOTIFICATIONS = {**settings.NOTIFICATIONS, "BREAKER_FAILURES": 1}
    delivery.deliver(a_notification(receiver={"url": "http://127.0.0.1:1/"}).pk)
    assert delivery.deliver(told(receiver)) == "sent"


def test_the_address_is_looked_at_at_every_delivery(receiver, settings):
    """What was allowed when it was accepted leads inside by now."""
    pk = told(receiver)
    settings.NOTIFICATIONS = {}
    assert delivery.deliver(pk) == "failed"
    assert (receiver.requests, now(pk).attempts.get().code) == ([], "forbidden")


def test_nothing_of_the_address_is_logged_or_kept_in_errors(receiver, caplog, service):
    caplog.set_level(logging.DEBUG)
    receiver.answers.append((400, {}, b"no such hook: " + f"{receiver.url}/hooks/17?key=secret".encode()))
    pk = told(receiver)
    delivery.deliver(pk)
    assert "key=secret" not in caplog.text
    assert "key=secret" not in now(pk).error + now(pk).attempts.get().error
    assert "no such hook" in service.get(f"{PATH}{pk}/").json()["error"]
