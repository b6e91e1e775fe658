"""Providers tell what became of what they took: signed, perhaps twice, perhaps too early, perhaps too late."""

import json
from datetime import UTC, datetime, timedelta

import pytest
from django.test import Client

from gateway.signatures import made_secret, signed
from notifications import delivery
from notifications.channels.channel import ChannelError
from notifications.conf import conf
from notifications.lifecycle import ENDS, WAITING
from notifications.models import Event, Suppression
from notifications.record import claim, record
from notifications.verdict import Outcome, Result
from tests.notifications.door import PATH
from tests.notifications.post import a_notification, later, now

pytestmark = pytest.mark.django_db

SECRET = made_secret(b"p" * 32)
ADDRESS = f"{PATH}providers/carrier/events/"


@pytest.fixture
def carrier(pigeon, settings):
    """A provider whose webhook is signed, and another channel."""
    path = "tests.notifications.post.Pigeon"
    settings.NOTIFICATIONS = {
        "PROVIDERS": {
            "carrier": {"channel": "pigeon", "path": path, "options": {"secret": SECRET}},
            "raven": {"channel": "raven", "path": "tests.notifications.post.Raven"},
        }
    }
    return pigeon


def tell(*events, secret=SECRET, at=None, address=ADDRESS):
    body = json.dumps({"events": list(events)}).encode()
    headers = signed([secret], "m1", body, at or datetime.now(UTC))
    return Client().post(address, body, content_type="application/json", headers=headers)


def event(kind, provider_id="pigeon 1", key="e1", detail=""):
    return {"id": key, "provider_id": provider_id, "event": kind, "detail": detail}


def sent(**values):
    pk = a_notification(**values).pk
    delivery.deliver(pk)
    return pk


def test_what_arrived_is_delivered(carrier, service):
    pk = sent()
    assert tell(event("delivered")).status_code == 202
    told = service.get(f"{PATH}{pk}/").json()
    assert (told["status"], told["deliveries"][0]["status"]) == ("delivered", "delivered")
    assert [(one["kind"], one["actor"]) for one in told["events"]] == [("sent", None), ("delivered", "carrier")]


def test_the_same_event_counts_once(carrier):
    pk = sent()
    for _ in range(3):
        assert tell(event("opened")).status_code == 202
    assert Event.objects.filter(notification=pk, kind="opened").count() == 1


@pytest.mark.parametrize("kind", ["opened", "clicked", "read", "deferred"])
def test_engagement_is_kept_apart_from_delivery(carrier, kind):
    pk = sent()
    tell(event(kind))
    assert now(pk).status == "sent"
    assert Event.objects.filter(notification=pk, kind=kind).exists()


def test_what_came_back_is_bounced_and_its_address_gets_nothing_more(carrier):
    pk = sent()
    tell(event("bounced", detail="No such loft."))
    assert (now(pk).status, now(pk).error) == ("bounced", "No such loft.")
    assert Suppression.objects.get().reason == "bounced"
    again = sent()
    assert (now(again).status, now(again).tries) == ("suppressed", 0)
    assert sent(receiver={"loft": "18"}) and len(carrier.letters) == 2, "another address is another address"


def test_what_came_back_goes_through_the_next_channel(carrier):
    pk = sent(receiver={"loft": "17", "tower": "3"})
    tell(event("bounced"))
    assert now(pk).status == "queued"
    assert delivery.deliver(pk) == "sent"
    assert now(pk).channel == "raven"


def test_a_complaint_suppresses_and_changes_nothing_else(carrier):
    pk = sent()
    tell(event("complained"))
    assert now(pk).status == "sent"
    assert Suppression.objects.get().reason == "complained"


def test_a_dead_address_told_while_sending_is_suppressed(carrier):
    carrier.script.append(ChannelError("No such loft.", Result.GONE))
    assert now(sent()).status == "bounced"
    assert Suppression.objects.get().address == "17"


def test_news_that_are_faster_than_our_record_are_asked_to_come_again(carrier):
    pk = a_notification().pk
    held = claim(pk)
    assert tell(event("delivered", "early")).status_code == 409
    record(held, Outcome(result=Result.SENT, provider_id="early"))
    assert tell(event("delivered", "early")).status_code == 202
    assert now(pk).status == "delivered"


@pytest.mark.parametrize("kind", ["delivered", "bounced", "failed", "complained", "opened"])
@pytest.mark.parametrize("status", sorted({*ENDS, *WAITING} - {"accepted", "digested"}))
def test_wherever_it_stands_news_are_taken(carrier, status, kind):
    pk = sent()
    due = now(pk).created_at if status in WAITING else None
    type(now(pk)).objects.filter(pk=pk).update(status=status, due_at=due)
    assert tell(event(kind)).status_code == 202
    if kind == "delivered":
        assert now(pk).status == "delivered"


def test_a_doubt_ends_when_it_arrived(carrier):
    pk = sent()
    type(now(pk)).objects.filter(pk=pk).update(status="unknown")
    now(pk).deliveries.update(status="unknown")
    tell(event("delivered"))
    assert now(pk).status == "delivered"


def test_news_while_another_channel_is_tried_count_when_that_is_recorded(carrier):
    pk = sent(receiver={"loft": "17", "tower": "3"})
    tell(event("failed"))
    later(timedelta(days=1))
    held = claim(pk)
    tell(event("delivered", key="e2"))
    assert now(pk).status == "sending"
    assert record(held, Outcome(result=Result.REFUSED)).status == "delivered"


@pytest.mark.parametrize(
    ("asked", "status"),
    [
        ({"secret": made_secret(b"x" * 32)}, 401),
        ({"at": datetime.now(UTC) - timedelta(minutes=10)}, 401),
        ({"address": f"{PATH}providers/raven/events/"}, 401),
        ({"address": f"{PATH}providers/nobody/events/"}, 404),
    ],
)
def test_strangers_are_not_believed(carrier, asked, status):
    pk = sent()
    answer = tell(event("bounced"), **asked)
    assert (answer.status_code, answer["Content-Type"]) == (status, "application/problem+json")
    assert now(pk).status == "sent"
    assert not Suppression.objects.exists()


def test_one_providers_news_are_not_about_anothers_letters(carrier):
    pk = a_notification(receiver={"tower": "3"}).pk
    delivery.deliver(pk)
    assert tell(event("bounced")).status_code == 409
    assert now(pk).status == "sent"


@pytest.mark.parametrize(
    "body", [b"", b"nonsense", b"[]", b'{"events": [{}]}', b"[" * 9000, b'{"events": [{"id": "\\u0000"}]}']
)
def test_what_is_signed_and_nonsense_is_refused(carrier, body):
    headers = signed([SECRET], "m1", body, datetime.now(UTC))
    answer = Client().post(ADDRESS, body, content_type="application/json", headers=headers)
    assert answer.status_code == 422


def test_a_strange_event_is_refused_with_those_there_are(carrier):
    sent()
    answer = tell(event("vanished"))
    assert answer.status_code == 422 and "delivered" in answer.json()["detail"]


def test_the_list_of_providers_says_how_they_do_and_not_what_they_are_made_with(carrier, service):
    carrier.script.append(ChannelError("Wrong key.", Result.DENIED))
    sent()
    answer = service.get(f"{PATH}providers/")
    first, second = answer.json()["results"]
    assert (first["name"], first["channel"], first["breaker"], first["error"]) == (
        "carrier",
        "pigeon",
        "open",
        "Wrong key.",
    )
    assert (second["name"], second["breaker"], second["failures"]) == ("raven", "closed", 0)
    assert SECRET.encode() not in answer.content
    later(timedelta(minutes=1))
    assert service.get(f"{PATH}providers/").json()["results"][0]["breaker"] == "trying"


def test_a_providers_options_stand_in_no_error(carrier, caplog):
    carrier.script.append(ChannelError(f"The key {SECRET} is wrong.", Result.REFUSED))
    pk = sent()
    assert SECRET not in caplog.text + now(pk).error + now(pk).attempts.get().error
    assert SECRET not in repr(conf().providers)
