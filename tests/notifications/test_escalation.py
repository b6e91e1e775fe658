"""When nobody reads it in time, the next channel is tried."""

from datetime import timedelta

import pytest
from django.db.models import F

from notifications import delivery
from notifications.channels.channel import ChannelError, News
from notifications.models import Event, Notification, Receiver
from notifications.news import take
from notifications.sweep import sweep
from notifications.verdict import Result
from tests.notifications.door import PATH
from tests.notifications.post import a_notification, later, now

pytestmark = pytest.mark.django_db

HOUR = timedelta(hours=1)
BOTH = {"loft": "17", "tower": "3"}


@pytest.fixture
def flock(pigeon, settings):
    settings.NOTIFICATIONS = {
        "PROVIDERS": {
            "pigeon": {"channel": "pigeon", "path": "tests.notifications.post.Pigeon"},
            "raven": {"channel": "raven", "path": "tests.notifications.post.Raven"},
        }
    }
    return pigeon


def sent(**values):
    pk = a_notification(**{"receiver": BOTH, "escalate_after": HOUR, **values}).pk
    assert delivery.deliver(pk) == "sent"
    return pk


def unread(by=HOUR):
    """So much time passes, the sweep comes by, and what it rings for is done."""
    Notification.objects.update(escalate_at=F("escalate_at") - by)
    sweep()
    for pk in Notification.objects.due().values_list("pk", flat=True):
        delivery.deliver(pk)


def stati(pk):
    return list(now(pk).deliveries.values_list("channel", "status"))


def test_the_next_channel_is_tried_when_nobody_has_read_it(flock):
    pk = sent()
    unread(timedelta(minutes=59))
    assert stati(pk) == [("pigeon", "sent")]
    unread(timedelta(minutes=1))
    assert stati(pk) == [("pigeon", "sent"), ("raven", "sent")]
    assert now(pk).status == "sent"
    assert list(Event.objects.values_list("kind", flat=True)) == ["sent", "escalated", "sent"]
    unread()
    assert (len(flock.letters), now(pk).escalate_at) == (2, None), "there is no further channel"


@pytest.mark.parametrize(("kind", "letters"), [("opened", 1), ("clicked", 1), ("read", 1), ("delivered", 2)])
def test_who_has_read_it_is_left_in_peace(flock, kind, letters):
    pk = sent()
    take("pigeon", [News(key="e1", provider_id="pigeon 1", kind=kind)])
    unread()
    assert len(flock.letters) == letters
    assert now(pk).escalate_at is None or letters == 2


def test_when_the_next_channel_fails_it_has_still_been_sent(flock):
    pk = sent()
    flock.script.extend([ChannelError("It rains."), ChannelError("No such tower.", Result.REFUSED)])
    unread()
    assert (now(pk).status, stati(pk)) == ("queued", [("pigeon", "sent"), ("raven", "queued")])
    later(timedelta(days=1))
    assert delivery.deliver(pk) == "sent"
    assert stati(pk) == [("pigeon", "sent"), ("raven", "failed")]


def test_an_escalation_that_is_called_off_leaves_it_sent(flock, service):
    pk = sent()
    flock.script.append(ChannelError("It rains."))
    unread()
    assert service.post(f"{PATH}{pk}/cancel/", {}, "application/json").json()["status"] == "sent"
    later(timedelta(days=1))
    assert delivery.deliver(pk) is None


def test_without_a_time_nothing_is_escalated(flock):
    pk = sent(escalate_after=None)
    unread()
    assert (now(pk).escalate_at, len(flock.letters)) == (None, 1)


@pytest.mark.parametrize(("given", "status"), [("PT10M", 202), ("P8D", 422), ("-PT1M", 422), (600, 422), ("soon", 422)])
def test_a_duration_is_written_as_iso_8601_has_it(flock, service, given, status):
    answer = service.ask({"receiver": BOTH, "content": "coo", "escalate_after": given})
    assert answer.status_code == status
    if status == 202:
        assert now(answer.json()["id"]).escalate_after == timedelta(minutes=10)


def test_a_message_goes_to_the_address_that_the_receiver_has_now(flock):
    Receiver.objects.create(tenant="default", key="jane", addresses={"loft": "17"})
    flock.script.append(ChannelError("It rains."))
    pk = a_notification(receiver={"id": "jane"}).pk
    delivery.deliver(pk)
    Receiver.objects.update(addresses={"loft": "18"})
    later(timedelta(days=1))
    assert delivery.deliver(pk) == "sent"
    assert [letter.address for letter in flock.letters] == ["17", "18"]


def test_one_that_cannot_be_escalated_does_not_stop_the_sweep_for_the_others(flock, caplog):
    poisoned, healthy = sent(), sent()
    Notification.objects.filter(pk=poisoned).update(channels=17)
    unread()
    assert "could not escalate" in caplog.text
    assert (len(stati(poisoned)), len(stati(healthy))) == (1, 2)
    before = len(caplog.records)
    sweep()
    assert len(caplog.records) == before, "it is left alone for a minute"
