"""E-mail through Anymail itself, to a Postmark that is a server of the test's own."""

import base64
import json
import logging
from datetime import timedelta

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.test import Client

from notifications import delivery
from notifications.channels import aside
from notifications.channels.anymail import Anymail
from notifications.checks import check_settings
from notifications.models import Suppression
from tests.notifications import peer as peers
from tests.notifications.door import PATH
from tests.notifications.peer import DRIP, DRIPPING_BODY, HANG_UP
from tests.notifications.post import a_notification, now, results

pytestmark = pytest.mark.django_db

TOKEN, SECRET = "a-server-token", "postmark:a-webhook-password"
INACTIVE = json.dumps(
    {
        "ErrorCode": 406,
        "Message": "Found inactive addresses: jane@example.org. Inactive recipients are ones that bounced.",
    }
).encode()
TO_JANE = {"email": "jane@example.org"}


def install(settings, url, **options):
    options = {
        "provider": "postmark",
        "server_token": TOKEN,
        "api_url": url,
        "sender": "Shop <shop@example.com>",
        **options,
    }
    entry = {"channel": "email", "path": "notifications.channels.anymail.Anymail", "options": options}
    settings.NOTIFICATIONS = {"PROVIDERS": {"pm": entry}}


@pytest.fixture
def postmark(settings):
    with peers.listening() as postmark:
        install(settings, postmark.url, webhook={"webhook_secret": SECRET})
        assert check_settings() == []
        postmark.body = json.dumps(
            {"ErrorCode": 0, "Message": "OK", "MessageID": "pm-1", "To": "jane@example.org"}
        ).encode()
        yield postmark


def test_a_provider_gets_it_with_the_same_message_id_in_every_attempt(postmark):
    pk = a_notification(
        receiver=TO_JANE, category="news", content={"subject": "Hi", "text": "Grüße", "html": "<p>x</p>"}
    ).pk
    assert delivery.deliver(pk) == "sent"
    (request,) = postmark.requests
    assert (request.path, request.headers["x-postmark-server-token"]) == ("/email", TOKEN)
    sent = json.loads(request.body)
    assert (sent["To"], sent["Subject"], sent["TextBody"], sent["HtmlBody"]) == (
        TO_JANE["email"],
        "Hi",
        "Grüße",
        "<p>x</p>",
    )
    headers = {one["Name"]: one["Value"] for one in sent["Headers"]}
    assert headers["Message-ID"] == f"<{pk}@example.com>"
    assert headers["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert now(pk).deliveries.get().provider_id == "pm-1"


@pytest.mark.parametrize(
    ("answer", "result", "code"),
    [
        (401, "denied", "401"),
        ((429, {}, b"{}"), "out", "429"),
        (500, "unknown", "500"),
        (503, "out", "503"),
        ((302, {"Location": "/elsewhere"}, b""), "refused", "redirect"),
        ((422, {}, INACTIVE), "refused", "rejected"),
        ((422, {}, b'{"ErrorCode": 406, "Message": "Other words"}'), "refused", "422"),
        ((422, {}, b'{"ErrorCode": 10, "Message": "Bad token"}'), "refused", "422"),
        ((200, {}, b"nonsense"), "sent", ""),  # it has said yes
        (HANG_UP, "unknown", "no_answer"),
    ],
)
def test_what_the_provider_answers_decides_what_is_known(postmark, answer, result, code):
    postmark.answers.extend([answer] * 2)
    pk = a_notification(receiver=TO_JANE).pk
    delivery.deliver(pk)
    assert (results(pk), now(pk).attempts.get().code) == ([result], code)


def test_nobody_there_was_sent_nothing(settings):
    install(settings, "http://127.0.0.1:1")
    pk = a_notification(receiver=TO_JANE).pk
    delivery.deliver(pk)
    assert (results(pk), now(pk).attempts.get().code) == (["out"], "not_reached")


@pytest.mark.parametrize("answer", [DRIP, DRIPPING_BODY])
def test_one_that_answers_slowly_or_never_is_given_up_on(postmark, monkeypatch, answer):
    monkeypatch.setattr(aside, "PATIENCE", timedelta(seconds=1))
    postmark.answers.append(answer)
    pk = a_notification(receiver=TO_JANE).pk
    delivery.deliver(pk)
    assert (results(pk), now(pk).attempts.get().code) == (["unknown"], "no_answer")


def test_its_token_is_seen_by_nobody(postmark, service, caplog):
    caplog.set_level(logging.DEBUG)
    postmark.answers.append((400, {}, f"no such token: {TOKEN}".encode()))
    pk = a_notification(receiver=TO_JANE).pk
    delivery.deliver(pk)
    told = service.get(f"{PATH}{pk}/").content.decode()
    assert "no such token: …" in told
    assert TOKEN not in told + caplog.text


def tells(credentials=SECRET, **event):
    basic = base64.b64encode(credentials.encode()).decode()
    body = json.dumps({"MessageID": "pm-1", **event})
    headers = {"Authorization": f"Basic {basic}"} if credentials else {}
    return Client().post(f"{PATH}providers/pm/events/", body, content_type="application/json", headers=headers)


@pytest.mark.parametrize(
    ("event", "status", "kind"),
    [
        ({"RecordType": "Delivery", "DeliveredAt": "2026-03-01T09:00:00Z"}, "delivered", "delivered"),
        ({"RecordType": "Bounce", "Type": "HardBounce", "ID": 17, "Email": "jane@example.org"}, "bounced", "bounced"),
        ({"RecordType": "Open", "ReceivedAt": "2026-03-01T09:00:00Z"}, "sent", "opened"),
        ({"RecordType": "SpamComplaint", "Type": "SpamComplaint", "ID": 18}, "sent", "complained"),
    ],
)
def test_it_tells_what_became_of_it(postmark, event, status, kind):
    pk = a_notification(receiver=TO_JANE).pk
    delivery.deliver(pk)
    assert [tells(**event).status_code for _ in range(2)] == [202, 202]
    assert (now(pk).status, now(pk).events.filter(kind=kind).count()) == (status, 1)
    assert Suppression.objects.exists() == (kind in ("bounced", "complained"))


@pytest.mark.parametrize("credentials", ["", "postmark:guessed", "postmark"])
def test_strangers_are_not_believed(postmark, credentials):
    pk = a_notification(receiver=TO_JANE).pk
    delivery.deliver(pk)
    assert tells(credentials, RecordType="Delivery").status_code == 401
    assert now(pk).status == "sent"


def test_without_a_secret_nobody_is_believed(postmark, settings):
    install(settings, postmark.url)
    assert tells(RecordType="Delivery").status_code == 401


def test_what_is_of_no_interest_or_nonsense_changes_nothing(postmark):
    pk = a_notification(receiver=TO_JANE).pk
    delivery.deliver(pk)
    assert tells(RecordType="SubscriptionChange", SuppressSending=False).status_code == 202
    basic = base64.b64encode(SECRET.encode()).decode()
    for body in (b"[]", b"x", b"17"):
        answer = Client().post(
            f"{PATH}providers/pm/events/", body, "application/json", headers={"Authorization": f"Basic {basic}"}
        )
        assert answer.status_code == 422
    assert now(pk).status == "sent"


def test_a_provider_that_anymail_does_not_know_is_found_before_a_customer_does():
    with pytest.raises(ImproperlyConfigured, match="'postman' is no provider that Anymail knows"):
        Anymail(provider="postman")
