"""Messages are collected, sent as one, and each says what became of it."""

import json
from datetime import UTC, datetime, time, timedelta

import pytest
from django.db.models import F

from notifications import delivery, digests
from notifications.channels.channel import ChannelError, News
from notifications.conf import Category, Digest
from notifications.models import Event, Notification, Reason, Receiver, Suppression
from notifications.news import suppress, take
from notifications.sweep import sweep
from notifications.unsubscribing import read, unsubscribe
from notifications.verdict import Result
from notifications.window import window_end
from tests.notifications.door import PATH
from tests.notifications.post import CALLER, a_notification, later, now

pytestmark = pytest.mark.django_db

HOUR = timedelta(hours=1)


@pytest.fixture
def comments(pigeon, settings):
    """A category whose messages are collected for an hour, at most three in one."""
    settings.NOTIFICATIONS = {
        **settings.NOTIFICATIONS,
        "CATEGORIES": {
            "transactional": Category(mandatory=True, quiet=False),
            "comments": Category(digest=Digest(every=HOUR, most=3)),
            "orders": Category(mandatory=True, digest=Digest(every=HOUR, most=3)),
        },
    }
    return pigeon


def collected(*texts, category="comments", **values):
    """So many messages, each of which a worker has looked at."""
    found = [a_notification(content={"text": text}, category=category, **values).pk for text in texts]
    for pk in found:
        delivery.deliver(pk)
    return found


def time_passes(by=HOUR):
    """The window is over, and workers do what is due, and what becomes due by that."""
    later(by)
    Notification.objects.update(collected_until=F("collected_until") - by)
    work()


def work():
    for _ in range(5):
        for pk in Notification.objects.due().order_by("pk").values_list("pk", flat=True):
            delivery.deliver(pk)


def stati(*pks):
    return [now(pk).status for pk in pks]


def test_messages_of_one_window_are_one_letter_and_each_says_what_became_of_it(comments, service):
    one, two = collected("first", "second")
    assert stati(one, two) == ["scheduled", "scheduled"]
    assert comments.letters == []
    told = service.get(f"{PATH}{one}/").json()
    assert (told["allowed"], "collected" in told["error"]) == (["cancel"], True)

    time_passes()
    (letter,) = comments.letters
    assert (letter.subject, letter.text) == ("2 messages", "first\n\nsecond")
    assert stati(one, two) == ["sent", "sent"]
    digest = now(one).digest
    assert (digest.pk, digest.status, digest.digest_size) == (letter.id, "sent", 2)
    assert list(Event.objects.filter(notification=two).values_list("kind", flat=True)) == [
        "scheduled",
        "digested",
        "sent",
    ]
    told = service.get(f"{PATH}{one}/").json()
    assert (told["digest"], told["allowed"], told["attempts"]) == (str(digest.pk), [], [])
    listed = service.get(f"{PATH}?digest={digest.pk}").json()["results"]
    assert {row["id"] for row in listed} == {str(one), str(two)}


def test_between_the_making_of_a_digest_and_its_end_its_messages_are_digested(comments):
    pks = collected("first", "second")
    comments.script.append(ChannelError("It rains."))
    time_passes()
    assert (stati(*pks), now(now(pks[0]).digest_id).status) == (["digested"] * 2, "queued")
    later(timedelta(days=1))
    work()
    assert stati(*pks) == ["sent"] * 2


@pytest.mark.parametrize(
    ("result", "category", "status"),
    [
        (Result.REFUSED, "comments", "failed"),
        (Result.GONE, "comments", "bounced"),
    ],
)
def test_they_end_as_their_digest_does_and_are_tried_again_with_it(comments, service, result, category, status):
    pks = collected("first", "second", category=category)
    comments.script.append(ChannelError("No.", result))
    time_passes()
    assert stati(*pks) == [status] * 2
    digest = now(pks[0]).digest_id
    refused = service.post(f"{PATH}{pks[0]}/retry/", {}, "application/json")
    assert (refused.status_code, str(digest) in refused.json()["detail"]) == (409, True)
    Suppression.objects.all().delete()
    assert service.post(f"{PATH}{digest}/retry/", {}, "application/json").status_code == 200
    assert stati(*pks) == ["digested"] * 2
    work()
    assert stati(*pks) == ["sent"] * 2


def test_news_of_a_digest_are_news_of_its_messages(comments):
    pks = collected("first", "second")
    time_passes()
    take("pigeon", [News(key="e1", provider_id="pigeon 1", kind="delivered")])
    assert stati(*pks) == ["delivered"] * 2


def test_what_has_arrived_stays_so_whatever_the_next_channel_of_its_digest_comes_to(comments, settings):
    raven = {"channel": "raven", "path": "tests.notifications.post.Raven"}
    settings.NOTIFICATIONS = {
        **settings.NOTIFICATIONS,
        "PROVIDERS": {**settings.NOTIFICATIONS["PROVIDERS"], "raven": raven},
    }
    both = {"loft": "17", "tower": "3"}
    pks = collected("first", "second", receiver=both, channels=["pigeon", "raven"], escalate_after=HOUR)
    time_passes()
    digest = now(pks[0]).digest_id
    take("pigeon", [News(key="e1", provider_id="pigeon 1", kind="delivered")])
    Notification.objects.update(escalate_at=F("escalate_at") - 2 * HOUR)
    sweep()
    work()
    assert (now(digest).status, stati(*pks)) == ("sent", ["delivered"] * 2)


def test_a_digest_that_is_called_off_calls_off_its_messages(comments, service):
    pks = collected("first", "second")
    comments.script.append(ChannelError("It rains."))
    time_passes()
    service.post(f"{PATH}{now(pks[0]).digest_id}/cancel/", {}, "application/json")
    assert stati(*pks) == ["cancelled"] * 2


def test_a_message_that_is_called_off_while_it_waits_is_not_said(comments, service):
    one, two, three = collected("first", "second", "third")
    assert service.post(f"{PATH}{two}/cancel/", {}, "application/json").json()["status"] == "cancelled"
    time_passes()
    assert (comments.letters[0].text, stati(one, two, three)) == ("first\n\nthird", ["sent", "cancelled", "sent"])


def test_one_alone_goes_as_it_is(comments):
    (pk,) = collected("first")
    time_passes()
    (letter,) = comments.letters
    assert (letter.id, letter.text, now(pk).status, now(pk).digest) == (pk, "first", "sent", None)


def test_what_comes_later_waits_for_the_window_that_is_open(comments):
    (one,) = collected("first")
    Notification.objects.update(collected_until=F("collected_until") - HOUR / 2)
    (two,) = collected("second")
    assert now(two).due_at == now(one).collected_until
    (other,) = collected("elsewhere", receiver={"loft": "18"})
    assert now(other).due_at > now(two).due_at


@pytest.mark.parametrize(
    "different",
    [
        {"receiver": {"loft": "18"}},
        {"digest_key": "post 18"},
        {"channels": ["pigeon"]},
        {"sandbox": True},
        {"category": "orders"},
    ],
)
def test_only_what_fits_is_collected_together(comments, different):
    same = {"receiver": {"loft": "17"}, "digest_key": "post 17"}
    pks = [*collected("a", "b", **same), *collected("c", "d", **{**same, **different})]
    time_passes()
    ours, theirs = (
        Notification.objects.filter(digest=now(pk).digest_id).values_list("pk", flat=True) for pk in (pks[0], pks[2])
    )
    assert (set(ours), set(theirs)) == (set(pks[:2]), set(pks[2:]))


def test_tenants_are_never_said_together(comments):
    _, two = collected("ours", "theirs")
    Notification.objects.filter(pk=two).update(tenant="other")
    time_passes()
    assert sorted(letter.text for letter in comments.letters) == ["ours", "theirs"]


def test_what_is_urgent_and_what_would_be_over_before_goes_at_once(comments):
    soon = datetime.now(UTC) + HOUR / 2
    collected("collected")
    collected("urgent", priority="urgent")
    collected("over soon", expires_at=soon)
    assert [letter.text for letter in comments.letters] == ["urgent", "over soon"]


def test_a_key_alone_is_enough(pigeon, service):
    body = {"receiver": {"loft": "17"}, "content": "coo", "digest_key": "post 17"}
    pks = [service.ask(body).json()["id"] for _ in range(2)]
    for pk in pks:
        delivery.deliver(now(pk).pk)
    assert (stati(*pks), service.get(f"{PATH}{pks[0]}/").json()["digest_key"]) == (["scheduled"] * 2, "post 17")
    time_passes()
    assert (stati(*pks), pigeon.letters[0].text) == (["sent"] * 2, "coo\n\ncoo")


def test_a_full_digest_says_how_many_more_there_are_and_so_do_they(comments):
    pks = collected(*"abcde")
    time_passes()
    (letter,) = comments.letters
    assert (letter.subject, letter.text) == ("5 messages", "a\n\nb\n\nc\n\n… and 2 more.")
    assert stati(*pks) == ["sent"] * 3 + ["skipped"] * 2
    assert now(pks[4]).error == f"The digest {letter.id} was full: it says how many more there are, and not this one."


def test_of_what_is_mandatory_nothing_is_left_out(comments):
    pks = collected(*"abcde", category="orders")
    time_passes()
    assert sorted(letter.text for letter in comments.letters) == ["a\n\nb\n\nc", "d\n\ne"]
    assert stati(*pks) == ["sent"] * 5


def test_they_are_told_in_the_order_of_the_database_whatever_the_clocks_of_those_who_sent_them(comments):
    pks = collected(*"abc")
    for minutes, pk in enumerate(reversed(pks)):
        Notification.objects.filter(pk=pk).update(created_at=F("created_at") + timedelta(minutes=minutes))
    time_passes()
    assert [letter.text for letter in comments.letters] == ["c\n\nb\n\na"]


def test_what_is_more_than_is_looked_at_at_once_makes_another(comments, monkeypatch):
    monkeypatch.setattr(digests, "CHUNK", 2)
    pks = collected(*"abcd")
    time_passes()
    assert sorted(letter.text for letter in comments.letters) == ["a\n\nb", "c\n\nd"]
    assert stati(*pks) == ["sent"] * 4


def test_a_long_text_is_cut(comments):
    collected("x" * 50_000, "short")
    time_passes()
    assert len(comments.letters[0].text) == 2000 + len("\n\nshort")


def test_who_unsubscribes_while_it_is_collected_is_heard(comments, service):
    body = {"receiver": {"email": "jane@example.org"}, "content": "coo", "category": "comments"}
    pks = [service.ask(body).json()["id"] for _ in range(2)]
    for pk in pks:
        delivery.deliver(now(pk).pk)
    suppress(CALLER.tenant, "email", "jane@example.org", Reason.UNSUBSCRIBED, category="comments")
    time_passes()
    assert stati(*pks) == ["skipped"] * 2


def test_a_digest_can_be_unsubscribed_from(comments):
    from django.core import mail

    receiver = {"email": "jane@example.org"}
    collected("a", "b", receiver=receiver)
    time_passes()
    link = mail.outbox[0].extra_headers["List-Unsubscribe"].strip("<>")
    unsubscribe(read(link.rstrip("/").rpartition("/")[2]))
    pks = collected("c", receiver=receiver)
    assert stati(*pks) == ["skipped"]


def test_each_sender_is_told_what_became_of_its_own(comments, settings):
    hooks = {"channel": "webhook", "path": "notifications.channels.webhook.Webhook"}
    providers = {**settings.NOTIFICATIONS["PROVIDERS"], "hooks": hooks}
    settings.NOTIFICATIONS = {**settings.NOTIFICATIONS, "PROVIDERS": providers}
    collected("a", callback_url="https://example.org/a")
    collected("b")
    later(HOUR)
    Notification.objects.update(collected_until=F("collected_until") - HOUR)
    for _ in range(2):
        for pk in Notification.objects.due().filter(about=None).values_list("pk", flat=True):
            delivery.deliver(pk)
    told = Notification.objects.exclude(about=None).order_by("pk")
    assert [row.content["payload"]["type"] for row in told] == ["notification.digested", "notification.sent"]
    assert {row.receiver["url"] for row in told} == {"https://example.org/a"}


def test_its_template_says_it_in_the_receivers_language_and_by_the_receivers_clock(comments, settings, service):
    category = Category(digest=Digest(every=HOUR, template="daily", most=2))
    settings.NOTIFICATIONS = {**settings.NOTIFICATIONS, "CATEGORIES": {"comments": category}}
    texts = {
        "en": {"text": "{{ number }}: {% for one in messages %}{{ one.text }} {% endfor %}"},
        "de": {
            "subject": "{{ number }} Kommentare",
            "text": "{% for one in messages %}{{ one.at|date:'j. F Y H:i' }} {{ one.text }}; {% endfor %}"
            "{% if more %}und {{ more }} mehr{% endif %}",
        },
    }
    example = {"messages": [{"text": "x", "at": "2026-01-01T00:00:00Z"}], "number": 2, "more": 1}
    fields = {"messages": "list", "number": "number", "more": "number"}
    body = {"locale": "en", "texts": texts, "fields": fields, "example": example}
    assert service.post(f"{PATH}templates/daily/", json.dumps(body), "application/json").status_code == 201
    service.post(f"{PATH}templates/daily/1/publish/", {}, "application/json")
    Receiver.objects.create(
        tenant=CALLER.tenant, key="jane", locale="de-AT", timezone="Asia/Tokyo", addresses={"loft": "17"}
    )
    collected("eins", "zwei", "drei", receiver={"id": "jane"})
    Notification.objects.update(created_at=datetime(2026, 3, 1, 20, 30, tzinfo=UTC))
    time_passes()
    (letter,) = comments.letters
    assert letter.subject == "3 Kommentare"
    assert letter.text == "2. März 2026 05:30 eins; 2. März 2026 05:30 zwei; und 1 mehr"
    assert (now(letter.id).template, now(letter.id).locale) == ("daily 1", "de")


@pytest.mark.parametrize("published", [True, False])
def test_what_its_template_cannot_say_is_said_plainly(comments, settings, service, caplog, published):
    category = Category(digest=Digest(every=HOUR, template="daily"))
    settings.NOTIFICATIONS = {**settings.NOTIFICATIONS, "CATEGORIES": {"comments": category}}
    body = {"locale": "en", "texts": {"en": {"text": "{{ name }}"}}, "fields": {"name": "text"}}
    service.post(f"{PATH}templates/daily/", json.dumps({**body, "example": {"name": "x"}}), "application/json")
    if published:
        service.post(f"{PATH}templates/daily/1/publish/", {}, "application/json")
    collected("a", "b")
    time_passes()
    assert comments.letters[0].text == "a\n\nb"
    assert "digest template" in caplog.text


def test_a_dry_run_says_that_it_would_be_collected_and_until_when(comments, service):
    body = json.dumps({"receiver": {"loft": "17"}, "content": "coo", "category": "comments"})
    told = service.post(f"{PATH}?dry_run=true", body, content_type="application/json").json()
    assert (told["outcome"], "collected" in told["why"]) == ("digested", True)
    assert datetime.fromisoformat(told["at"]) > datetime.now(UTC) + HOUR / 2


def test_what_a_topic_says_is_collected_by_receiver(comments):
    from notifications.models import Subscriber

    for key in ("jane", "jo"):
        Receiver.objects.create(tenant="default", key=key, addresses={"loft": key})
        Subscriber.objects.create(tenant="default", topic="post", receiver=key)
    for text in ("a", "b"):
        collected(text, receiver={"topic": "post"})
    work()
    assert comments.letters == []
    time_passes()
    assert {(letter.address, letter.text) for letter in comments.letters} == {("jane", "a\n\nb"), ("jo", "a\n\nb")}


def test_one_that_expires_while_it_is_collected_is_not_said(comments):
    one, two, three = collected("a", "b", "c")
    Notification.objects.filter(pk=two).update(expires_at=datetime.now(UTC) - HOUR)
    time_passes()
    assert (comments.letters[0].text, stati(one, two, three)) == ("a\n\nc", ["sent", "expired", "sent"])


def test_the_sweep_finds_a_window_that_is_over(comments, rung):
    pks = collected("a", "b")
    later(HOUR)
    Notification.objects.update(collected_until=F("collected_until") - HOUR, rung_at=None)
    rung()
    sweep()
    assert set(rung()) == {str(pk) for pk in pks}


BERLIN = "Europe/Berlin"
MORNING_AND_EVENING = (time(8), time(18))


def utc(text):
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("at", "zone", "times", "until"),
    [
        ("2026-01-15T05:00", BERLIN, MORNING_AND_EVENING, "2026-01-15T07:00"),
        ("2026-01-15T07:00", BERLIN, MORNING_AND_EVENING, "2026-01-15T17:00"),  # what comes at eight waits
        ("2026-01-15T17:00", BERLIN, MORNING_AND_EVENING, "2026-01-16T07:00"),
        ("2026-07-15T05:00", BERLIN, MORNING_AND_EVENING, "2026-07-15T06:00"),
        ("2026-01-15T05:00", "Asia/Tokyo", MORNING_AND_EVENING, "2026-01-15T09:00"),
        # 29 March 2026: 02:00 becomes 03:00
        ("2026-03-28T12:00", BERLIN, (time(8),), "2026-03-29T06:00"),
        ("2026-03-28T12:00", BERLIN, (time(2, 30),), "2026-03-29T01:30"),  # the wall shows 03:30
        ("2026-03-29T01:30", BERLIN, (time(2, 30),), "2026-03-30T00:30"),
        # 25 October 2026: 03:00 becomes 02:00, 02:30 comes twice
        ("2026-10-24T12:00", BERLIN, (time(2, 30),), "2026-10-25T00:30"),
        ("2026-10-25T00:45", BERLIN, (time(2, 30),), "2026-10-26T01:30"),  # once a day
        ("2026-10-25T00:45", BERLIN, (time(8),), "2026-10-25T07:00"),
    ],
)
def test_windows_end_by_the_receivers_clock(at, zone, times, until):
    assert window_end(utc(at), zone, Digest(at=times)) == utc(until)


def test_the_window_is_by_the_clock_that_is_known(comments, settings):
    category = Category(quiet=False, digest=Digest(at=(time(8),)))
    settings.NOTIFICATIONS = {**settings.NOTIFICATIONS, "CATEGORIES": {"comments": category}}
    found = []
    for zone in ("Asia/Tokyo", "Asia/Kathmandu"):
        Receiver.objects.create(tenant=CALLER.tenant, key=zone, timezone=zone, addresses={"loft": zone})
        (pk,) = collected("a", receiver={"id": zone})
        found.append(now(pk).due_at.astimezone(UTC).time())
    assert found == [time(23), time(2, 15)]


def test_a_window_that_ends_in_quiet_hours_ends_with_them(comments):
    ends = (datetime.now(UTC) + 3 * HOUR).time()
    begins = (datetime.now(UTC) - HOUR).time()
    Receiver.objects.create(
        tenant=CALLER.tenant, key="jane", timezone="UTC", quiet_from=begins, quiet_to=ends, addresses={"loft": "17"}
    )
    (pk,) = collected("a", receiver={"id": "jane"})
    assert now(pk).due_at.time() == ends
