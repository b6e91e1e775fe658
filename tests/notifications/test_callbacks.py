"""The service that sent a notification is told what became of it, signed, and however often it takes."""

import json
from datetime import timedelta

import pytest

from gateway.signatures import made_secret, verify
from notifications import delivery
from notifications.channels.channel import ChannelError
from notifications.models import Notification
from notifications.verdict import Result
from tests.notifications import peer as peers
from tests.notifications.door import PATH
from tests.notifications.post import a_notification, later, now

pytestmark = pytest.mark.django_db

SECRET = made_secret(b"s" * 32)


@pytest.fixture
def sender(pigeon, settings):
    """The service that is called back."""
    providers = settings.NOTIFICATIONS["PROVIDERS"]
    webhook = {"channel": "webhook", "path": "notifications.channels.webhook.Webhook"}
    settings.NOTIFICATIONS = {
        "PROVIDERS": {**providers, "webhook": webhook},
        "ALLOWED_NETWORKS": ("127.0.0.0/8",),
        "WEBHOOK_SECRETS": (SECRET,),
    }
    with peers.listening() as sender:
        yield sender


def told(sender):
    """What the sender was told, after every callback that is due was delivered."""
    for pk in Notification.objects.exclude(about=None).values_list("pk", flat=True):
        delivery.deliver(pk)
    return [json.loads(request.body) for request in sender.requests]


def test_the_sender_is_told_that_it_was_sent_and_can_tell_who_says_so(sender):
    pk = a_notification(callback_url=f"{sender.url}/told", metadata={"order": "17"}).pk
    delivery.deliver(pk)
    (document,) = told(sender)
    assert document["type"] == "notification.sent"
    expected = {"id": str(pk), "status": "sent", "channel": "pigeon", "detail": None, "metadata": {"order": "17"}}
    assert document["data"] == expected
    (request,) = sender.requests
    assert request.path == "/told"
    assert verify([SECRET], request.headers, request.body)


def test_only_ends_are_told(sender, pigeon):
    pigeon.script.extend([ChannelError("It rains."), ChannelError("No.", Result.REFUSED)])
    pk = a_notification(callback_url=sender.url).pk
    delivery.deliver(pk)
    assert told(sender) == []
    later(timedelta(days=1))
    delivery.deliver(pk)
    (document,) = told(sender)
    assert (document["type"], document["data"]["detail"]) == ("notification.failed", "No.")


def test_it_is_told_again_until_it_is_heard(sender):
    sender.answers.extend([500, 503])
    delivery.deliver(a_notification(callback_url=sender.url).pk)
    for _ in range(3):
        told(sender)
        later(timedelta(hours=2))
    assert len(sender.requests) == 3
    assert len({request.headers["webhook-id"] for request in sender.requests}) == 1
    assert Notification.objects.exclude(about=None).get().status == "sent"


def test_callbacks_are_told_about_by_nobody_and_stand_in_no_list(sender, service):
    pk = service.ask({"receiver": {"loft": "1"}, "content": "coo", "callback_url": sender.url}).json()["id"]
    delivery.deliver(now(pk).pk)
    told(sender)
    assert Notification.objects.count() == 2
    assert [row["id"] for row in service.get(PATH).json()["results"]] == [pk]
    about = Notification.objects.exclude(about=None).get()
    assert service.get(f"{PATH}{about.pk}/").status_code == 404


def test_without_webhooks_nobody_can_be_called_back(pigeon, service):
    body = {"receiver": {"loft": "1"}, "content": "coo", "callback_url": "https://example.org/"}
    answer = service.ask(body)
    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, "/callback_url")
