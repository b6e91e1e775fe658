"""A topic with a crowd behind it: bounded in what it takes, at its provider's rate, and in nobody's way."""

from datetime import timedelta
from itertools import pairwise

import pytest
from django.db import connection
from django.db.models import F
from django.test.utils import CaptureQueriesContext

from notifications import delivery, topics
from notifications.models import Notification, ProviderHealth, Receiver, Subscriber
from notifications.sweep import sweep
from tests.notifications.door import PATH
from tests.notifications.post import a_notification, later

pytestmark = pytest.mark.django_db(transaction=True)


def subscribe(number):
    people = [Receiver(tenant="default", key=f"u{n}", addresses={"loft": str(n)}) for n in range(number)]
    Receiver.objects.bulk_create(people)
    Subscriber.objects.bulk_create(Subscriber(tenant="default", topic="news", receiver=one.key) for one in people)


def a_bulletin():
    return a_notification(receiver={"topic": "news"}, category="news", priority="bulk").pk


def test_a_chunk_takes_as_much_of_a_large_crowd_as_of_a_small_one(pigeon, bell, monkeypatch):
    monkeypatch.setattr(topics, "CHUNK", 10)
    statements = []
    for number in (20, 200):
        Receiver.objects.all().delete()
        Subscriber.objects.all().delete()
        subscribe(number)
        pk = a_bulletin()
        with CaptureQueriesContext(connection) as queries:
            delivery.deliver(pk)
        assert Notification.objects.filter(part_of=pk).count() == 10
        statements.append(len(queries))
    assert statements[0] == statements[1]


def a_minute_passes():
    by = timedelta(minutes=1)
    later(by)
    ProviderHealth.objects.update(free_at=F("free_at") - by, line_at=F("line_at") - by)


@pytest.fixture
def slow(pigeon, settings):
    """A provider that takes one message a minute."""
    entries = settings.NOTIFICATIONS["PROVIDERS"]
    settings.NOTIFICATIONS = {"PROVIDERS": {**entries, "pigeon": {**entries["pigeon"], "per_minute": 1}}}


def work_off(pks):
    for pk in pks:
        delivery.deliver(pk)


def test_an_urgent_message_of_somebody_else_passes_a_crowd_that_waits_for_its_provider(slow, pigeon, service, rung):
    subscribe(20)
    bulletin = a_bulletin()
    delivery.deliver(bulletin)
    work_off(rung())
    assert len(pigeon.letters) == 1, "the rest waits for the provider"
    urgent = service.ask({"receiver": {"loft": "mine"}, "content": "fire", "priority": "urgent"}).json()["id"]
    work_off(rung())
    a_minute_passes()
    sweep()
    first, *others = rung()
    assert first == urgent
    work_off([first, *others])
    assert [letter.address for letter in pigeon.letters[1:]] == ["mine"], "it was the next one"
    assert Notification.objects.filter(part_of=bulletin, status="queued").count() == 19


def test_a_crowd_goes_at_the_rate_and_each_of_it_comes_back_when_it_is_its_turn(slow, pigeon, rung):
    """Not all of them at every sweep: those that wait are due one after the other."""
    subscribe(20)
    delivery.deliver(a_bulletin())
    work_off(rung())
    due = list(Notification.objects.filter(status="queued").order_by("due_at").values_list("due_at", flat=True))
    assert len(due) == 19 and {after - before for before, after in pairwise(due)} == {timedelta(minutes=1)}
    for minute in range(1, 5):
        a_minute_passes()
        sweep()
        work_off(found := rung())
        assert len(found) == 1, "nobody is asked in vain"
        assert len(pigeon.letters) == 1 + minute


def test_it_is_accepted_in_one_request_whatever_stands_behind_it(pigeon, bell, service):
    statements = []
    for number in (1, 300):
        Receiver.objects.all().delete()
        Subscriber.objects.all().delete()
        subscribe(number)
        with CaptureQueriesContext(connection) as queries:
            answer = service.ask({"receiver": {"topic": "news"}, "content": "coo", "category": "news"})
        assert answer.status_code == 202
        statements.append(len(queries))
    assert statements[0] == statements[1]
    assert service.get(f"{PATH}{answer.json()['id']}/").json()["status"] == "accepted"
