"""One notification to a topic becomes one for each subscriber, in chunks, and holds nobody else up."""

import pytest

from gateway.doorbell import Rank
from notifications import delivery, topics
from notifications.models import Notification, Receiver, Subscriber
from notifications.sweep import sweep
from tests.notifications.door import PATH
from tests.notifications.post import a_notification, now

pytestmark = pytest.mark.django_db

NEWS = f"{PATH}topics/news/subscribers/"


def subscribe(number, topic="news"):
    Receiver.objects.bulk_create(
        Receiver(tenant="default", key=f"u{n}", addresses={"loft": str(n)}) for n in range(number)
    )
    Subscriber.objects.bulk_create(Subscriber(tenant="default", topic=topic, receiver=f"u{n}") for n in range(number))


def parts(pk):
    return Notification.objects.filter(part_of=pk)


def test_each_subscriber_gets_it_through_their_own_address(pigeon, service):
    subscribe(3)
    Subscriber.objects.create(tenant="other", topic="news", receiver="u1")
    answer = service.ask({"receiver": {"topic": "news"}, "content": "coo", "category": "news", "metadata": {"a": "b"}})
    pk = answer.json()["id"]
    delivery.deliver(now(pk).pk)
    assert (now(pk).status, now(pk).error) == ("digested", "Fanned out to 3 receivers.")
    for one in parts(pk):
        assert delivery.deliver(one.pk) == "sent"
    assert sorted(letter.address for letter in pigeon.letters) == ["0", "1", "2"]
    assert {letter.metadata["a"] for letter in pigeon.letters} == {"b"}
    listed = service.get(f"{PATH}?part_of={pk}").json()["results"]
    assert {row["receiver"]["id"] for row in listed} == {"u0", "u1", "u2"}


def test_it_is_made_in_chunks_with_a_place_to_go_on(pigeon, monkeypatch, rung):
    monkeypatch.setattr(topics, "CHUNK", 2)
    subscribe(5)
    pk = a_notification(receiver={"topic": "news"}).pk
    seen = []
    while now(pk).status in ("accepted", "queued"):
        delivery.deliver(pk)
        seen.append((now(pk).status, parts(pk).count()))
    assert seen == [("queued", 2), ("queued", 4), ("digested", 5)]
    assert {one.receiver["id"] for one in parts(pk)} == {f"u{n}" for n in range(5)}


def test_what_is_whole_chunks_ends_too(pigeon, monkeypatch):
    monkeypatch.setattr(topics, "CHUNK", 2)
    subscribe(2)
    pk = a_notification(receiver={"topic": "news"}).pk
    for _ in range(3):
        delivery.deliver(pk)
    assert (now(pk).status, parts(pk).count()) == ("digested", 2)


def test_a_topic_without_subscribers_reaches_nobody_and_says_so(pigeon):
    pk = a_notification(receiver={"topic": "nobody"}).pk
    delivery.deliver(pk)
    assert (now(pk).status, now(pk).error) == ("digested", "Fanned out to 0 receivers.")


def test_one_that_is_called_off_makes_no_more(pigeon, service, monkeypatch):
    monkeypatch.setattr(topics, "CHUNK", 2)
    subscribe(5)
    pk = a_notification(receiver={"topic": "news"}).pk
    delivery.deliver(pk)
    assert service.post(f"{PATH}{pk}/cancel/", {}, "application/json").json()["status"] == "cancelled"
    delivery.deliver(pk)
    assert parts(pk).count() == 2


@pytest.mark.django_db(transaction=True)
def test_an_urgent_message_is_rung_for_before_the_crowd(pigeon, rung):
    subscribe(20)
    pk = a_notification(receiver={"topic": "news"}, priority="bulk").pk
    delivery.deliver(pk)
    urgent = a_notification(priority="urgent").pk
    rung()
    Notification.objects.filter(status="accepted").update(rung_at=None)
    sweep()
    first, *rest = rung()
    assert first == str(urgent)
    assert len(rest) == 20
    assert set(parts(pk).values_list("rank", flat=True)) == {int(Rank.LAST)}


def test_subscribers_are_added_listed_and_taken_out(pigeon, service):
    assert service.put(f"{NEWS}jane/").status_code == 422, "nobody knows her yet"
    Receiver.objects.create(tenant="default", key="jane")
    assert [service.put(f"{NEWS}jane/").status_code for _ in range(2)] == [201, 200]
    assert service.get(NEWS).json()["results"] == [{"receiver": "jane"}]
    assert service.get(f"{PATH}topics/other/subscribers/").json()["results"] == []
    assert [service.delete(f"{NEWS}jane/").status_code for _ in range(2)] == [204, 404]


def test_who_is_kept_no_more_is_told_no_more(pigeon, service):
    for tenant in ("default", "other"):
        Receiver.objects.create(tenant=tenant, key="jane")
        Subscriber.objects.create(tenant=tenant, topic="news", receiver="jane")
    assert service.delete(f"{PATH}receivers/jane/").status_code == 204
    assert list(Subscriber.objects.values_list("tenant", flat=True)) == ["other"]


@pytest.mark.parametrize("beside", [{"email": "jane@example.org"}, {"id": "jane"}, {"timezone": "UTC"}])
def test_a_topic_stands_alone(pigeon, service, beside):
    answer = service.ask({"receiver": {"topic": "news", **beside}, "content": "coo"})
    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, f"/receiver/{next(iter(beside))}")


def test_a_dry_run_says_how_many_it_would_be(pigeon, service):
    subscribe(3)
    body = '{"receiver": {"topic": "news"}, "content": "coo"}'
    told = service.post(f"{PATH}?dry_run=true", body, content_type="application/json").json()
    assert told["outcome"] == "digested" and "each of 3 subscribers" in told["why"]
    assert not Notification.objects.exists()
