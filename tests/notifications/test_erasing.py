"""Somebody wants to be forgotten: nothing of them is left, counts and audit are, and late news are taken."""

from datetime import timedelta
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from notifications import delivery, erasing
from notifications.channels.channel import ChannelError, News
from notifications.erasing import go_on
from notifications.models import (
    Addressee,
    Delivery,
    Erasure,
    Event,
    InboxItem,
    Notification,
    Receiver,
    Subscriber,
    Suppression,
)
from notifications.news import suppress, take
from notifications.plan import routed
from notifications.record import claim, record
from notifications.resealing import columns
from notifications.sweep import sweep
from notifications.verdict import Outcome, Result
from tests.notifications.door import PATH
from tests.notifications.post import a_notification, now
from tests.notifications.test_sealed import dump

pytestmark = pytest.mark.django_db

JANE = {"receiver": {"id": "jane"}, "content": "Hello Jane."}


@pytest.fixture
def jane(service, pigeon, settings):
    """Somebody with a profile, an inbox, and a subscription."""
    entries = settings.NOTIFICATIONS["PROVIDERS"]
    inbox = {"channel": "inbox", "path": "notifications.channels.inbox.Inbox"}
    settings.NOTIFICATIONS = {"PROVIDERS": {**entries, "inbox": inbox}}
    put = {"addresses": {"loft": "roof 17", "email": "jane@example.org"}, "locale": "de"}
    service.put(f"{PATH}receivers/jane/", put, "application/json")
    service.put(f"{PATH}topics/news/subscribers/jane/")


def ask(service, **body):
    return now(service.ask({**JANE, **body}).json()["id"]).pk


def erase(service, receiver=None, reason="She asked us to."):
    answer = service.post(
        f"{PATH}erasures/", {"receiver": receiver or {"id": "jane"}, "reason": reason}, "application/json"
    )
    assert answer.status_code == 202, answer.content
    return answer.json()["id"]


def finished(service, pk):
    while not go_on(pk):
        pass
    return service.get(f"{PATH}erasures/{pk}/").json()


def test_every_word_and_address_is_gone_and_the_counts_stay(jane, service, pigeon):
    sent = ask(service, metadata={"name": "Jane"})
    delivery.deliver(sent)
    inboxed = ask(service, channels=["inbox"])
    delivery.deliver(inboxed)
    pigeon.script.append(ChannelError("The loft roof 17 is closed.", Result.REFUSED))
    refused = ask(service, receiver={"loft": "roof 17"})
    delivery.deliver(refused)
    someone_else = a_notification(receiver={"loft": "tower 9"}).pk
    delivery.deliver(someone_else)
    told = finished(service, erase(service))
    assert (told["done"], told["notifications"], told["cancelled"], told["actor"]) == (True, 3, 0, "service")
    for pk in (sent, inboxed, refused):
        kept = now(pk)
        assert (kept.receiver, kept.content, kept.metadata, kept.error) == ({}, {}, {}, "")
        shown = service.get(f"{PATH}{pk}/").json()
        assert shown["receiver"] == {} and shown["allowed"] == []
        assert len(shown["attempts"]) == 1 and shown["attempts"][0]["result"]
        assert shown["deliveries"][0]["address"] == ""
    assert (now(sent).status, now(refused).status) == ("sent", "failed")
    assert not Receiver.objects.exists() and not Subscriber.objects.exists() and not InboxItem.objects.exists()
    assert now(someone_else).receiver == {"loft": "tower 9"}
    assert "roof 17" not in dump()


def test_what_was_not_sent_yet_is_never_sent(jane, service, pigeon):
    later = ask(service, send_at=(timezone.now() + timedelta(hours=1)).isoformat())
    doubtful = ask(service, receiver={"loft": "roof 17"})
    pigeon.script.append(ChannelError("It flew away.", Result.UNKNOWN))
    delivery.deliver(doubtful)
    told = finished(service, erase(service))
    assert (told["notifications"], told["cancelled"]) == (2, 2)
    assert (now(later).status, now(doubtful).status) == ("cancelled", "unknown")
    assert delivery.deliver(later) is None


def test_what_a_worker_is_sending_is_forgotten_once_that_is_known(jane, service, pigeon):
    pk = ask(service)
    held = claim(pk)
    erasure = erase(service)
    assert not go_on(erasure)
    assert now(pk).receiver == {"id": "jane"}
    record(held, Outcome(result=Result.SENT, provider_id="p1"))
    assert finished(service, erasure)["notifications"] == 1
    assert now(pk).receiver == {}


def test_later_news_of_a_provider_are_taken_and_write_nothing_down(jane, service, pigeon):
    pk = ask(service)
    delivery.deliver(pk)
    provider_id = Delivery.objects.get().provider_id
    finished(service, erase(service))
    news = [
        News(key="e1", provider_id=provider_id, kind="delivered", detail="to roof 17"),
        News(key="e2", provider_id=provider_id, kind="complained", detail="roof 17 says no"),
    ]
    assert take("pigeon", news) == []
    assert now(pk).status == "delivered"
    assert "roof 17" not in dump()
    assert set(Event.objects.filter(notification=pk).values_list("detail", flat=True)) == {""}
    (dead,) = Suppression.objects.all()
    assert (dead.address, dead.reason) == ("", "complained")
    assert [one.status for one in routed(a_notification(receiver={"loft": "roof 17"})).closed] == ["suppressed"]


def test_a_no_outlives_the_erasure_and_shows_nobody(jane, service, pigeon):
    suppress("default", "pigeon", "roof 17", "complained", detail="roof 17 says no")
    finished(service, erase(service))
    assert [one.status for one in routed(a_notification(receiver={"loft": "roof 17"})).closed] == ["suppressed"]
    (shown,) = service.get(f"{PATH}suppressions/").json()["results"]
    assert (shown["address"], shown["detail"]) == (None, None)


def test_by_an_address_alone_its_messages_are_forgotten_and_not_the_profile(jane, service, pigeon):
    by_address, by_id = ask(service, receiver={"loft": "roof 17"}), ask(service)
    assert finished(service, erase(service, {"loft": "roof 17"}))["notifications"] == 1
    assert (now(by_address).receiver, now(by_id).receiver) == ({}, {"id": "jane"})
    assert Receiver.objects.exists()


def test_it_goes_on_in_chunks_until_nothing_is_left(jane, service, pigeon, monkeypatch):
    monkeypatch.setattr(erasing, "CHUNK", 2)
    for _ in range(5):
        ask(service)
    erasure = erase(service)
    seen = []
    while not Erasure.objects.get(pk=erasure).ended_at:
        sweep()
        seen.append(Erasure.objects.get(pk=erasure).notifications)
    assert seen == [2, 4, 5]
    assert not Addressee.objects.exists()


def test_a_topics_messages_and_callbacks_are_found_too(jane, service, pigeon):
    topic = service.ask({"receiver": {"topic": "news"}, "content": "coo", "category": "news"}).json()["id"]
    delivery.deliver(now(topic).pk)
    (part,) = Notification.objects.filter(part_of=topic)
    assert finished(service, erase(service))["notifications"] == 1
    assert now(part.pk).receiver == {} and now(topic).receiver == {"topic": "news"}


def test_another_tenants_jane_is_somebody_else(jane, service, pigeon):
    pk = ask(service)
    Notification.objects.update(tenant="other")
    Addressee.objects.update(tenant="other")
    assert finished(service, erase(service))["notifications"] == 0
    assert now(pk).receiver == {"id": "jane"}


def test_the_command_does_the_same_and_says_so(jane, service, pigeon):
    pk = ask(service)
    out = StringIO()
    call_command("notifications", "erase", "--id", "jane", "--reason", "She asked us to.", stdout=out)
    assert "1 notifications were forgotten; 1 of them are not sent any more." in out.getvalue()
    assert now(pk).receiver == {}
    assert Erasure.objects.get().actor == "command:erase"
    for wrong in (["erase", "--reason", "x"], ["erase", "--reason", "x", "--address", "nobody"]):
        with pytest.raises(CommandError):
            call_command("notifications", *wrong)


def test_whom_nobody_can_be_found_by_is_refused(service, pigeon):
    answer = service.post(f"{PATH}erasures/", {"receiver": {"topic": "news"}}, "application/json")
    assert (answer.status_code, answer.json()["code"]) == (422, "unknown_address")


def lose(pk, *names):
    """The key under which these were sealed is gone."""
    for column in columns():
        if column.name in names and column.model._meta.db_table == Notification._meta.db_table:
            column.model._default_manager.filter(pk=pk).update(**{column.name: "sealed:0badc0de:gone"})


def test_words_that_nobody_can_read_any_more_are_forgotten_all_the_same(jane, service):
    lost, kept = ask(service), ask(service)
    for pk in (lost, kept):
        delivery.deliver(pk)
    lose(lost, "receiver", "content")
    assert finished(service, erase(service))["notifications"] == 2
    assert now(lost).content == now(kept).content == {}


def test_one_that_cannot_be_forgotten_keeps_no_other_from_it(jane, service, caplog):
    first, second = ask(service), ask(service)
    lose(first, "callback_url")  # it waits: whoever sent it is to be told that it is called off
    erasure = erase(service)
    assert not go_on(erasure)
    assert now(second).content == {}
    assert f"could not forget notification {first}" in caplog.text
    assert Erasure.objects.get().ended_at is None
