"""The door: what is accepted, what is refused and how it says so, and what it tells afterwards."""

import json

import pytest
from django.contrib.auth.models import Permission, User
from django.core import mail
from django.test import Client

from gateway import pages
from notifications import delivery
from notifications.models import Notification
from tests.notifications.door import PATH, TO_JANE, Service
from tests.notifications.post import a_notification, now

pytestmark = pytest.mark.django_db

JANE = {"email": "jane@example.org"}


def test_what_is_accepted_is_stored_told_about_and_delivered(service):
    answer = service.ask()
    assert answer.status_code == 202
    pk = answer.json()["id"]
    assert answer.json() == {"id": pk, "status": "accepted"}
    assert answer["Location"] == f"http://testserver{PATH}{pk}/"

    delivery.deliver(now(pk).pk)

    told = service.get(answer["Location"]).json()
    assert (told["status"], told["receiver"], told["channel"], told["tries"]) == ("sent", JANE, "email", 1)
    (attempt,) = told["attempts"]
    assert (attempt["number"], attempt["result"], attempt["error"]) == (1, "sent", None)
    assert mail.outbox[0].subject == "Your order"


@pytest.mark.django_db(transaction=True)
def test_a_worker_is_told_once_it_is_committed(service, rung):
    pk = service.ask().json()["id"]
    assert rung() == [pk]


def test_a_string_is_content_enough(service):
    answer = service.ask({"receiver": JANE, "content": "Your order\nis on its way."})
    assert answer.status_code == 202
    assert now(answer.json()["id"]).content == {"text": "Your order\nis on its way."}


def test_the_first_channel_that_has_an_address_is_taken(service, pigeon):
    for receiver, channel in (
        (JANE, "email"),
        ({"loft": "17"}, "pigeon"),
        ({**JANE, "loft": "17"}, "pigeon"),
    ):
        pk = now(service.ask({"receiver": receiver, "content": "coo"}).json()["id"]).pk
        delivery.deliver(pk)
        assert now(pk).channel == channel


@pytest.mark.parametrize(
    ("body", "pointer", "sentence"),
    [
        ({"content": "hi"}, "/receiver", "missing"),
        ({"receiver": JANE}, "", "a content or a template"),
        ({"receiver": JANE, "content": "hi", "recever": 1}, "/recever", "did you mean 'receiver'?"),
        ({"receiver": JANE, "content": {"txt": "hi"}}, "/content/txt", "did you mean 'text'?"),
        ({"receiver": JANE, "content": ""}, "/content/text", "at least 1 character"),
        ({"receiver": JANE, "content": 17}, "/content", ""),
        ({"receiver": JANE, "content": "long" * 30_000}, "/content/text", "at most 100000 characters"),
        (
            {"receiver": JANE, "content": {"subject": "a\nBcc: all@example.org", "text": "hi"}},
            "/content/subject",
            "line",
        ),
        ({"receiver": JANE, "content": {"subject": "x" * 201, "text": "hi"}}, "/content/subject", "at most 200"),
        ({"receiver": "jane@example.org", "content": "hi"}, "/receiver", "dictionary"),
        ({"receiver": {"email": 17}, "content": "hi"}, "/receiver/email", "string"),
        ({"receiver": {"email": "jane"}, "content": "hi"}, "/receiver/email", "no e-mail address"),
        ({"receiver": {"email": "jane@example.org\n"}, "content": "hi"}, "/receiver/email", "one line"),
        ({"receiver": {"email": "jane@example.org\r\nBcc: x@y.org"}, "content": "hi"}, "/receiver/email", "one line"),
        ({"receiver": {"email": "jane@example.org\u2028"}, "content": "hi"}, "/receiver/email", "one line"),
        ({"receiver": {"email": "a@b.org, c@d.org"}, "content": "hi"}, "/receiver/email", "no e-mail address"),
        ({"receiver": {"email": f"j@{'x.' * 130}org"}, "content": "hi"}, "/receiver/email", ""),
        ({"receiver": {"emial": "jane@example.org"}, "content": "hi"}, "/receiver/emial", "did you mean 'email'?"),
        ({"receiver": {"fax/~": "1"}, "content": "hi"}, "/receiver/fax~1~0", "there are: email, url"),
        ({"receiver": {}, "content": "hi"}, "/receiver", "give one of: email, url"),
        ({"receiver": {"locale": "de"}, "content": "hi"}, "/receiver", "give one of: email, url"),
        ({"receiver": JANE, "content": "hi", "channels": ["emial"]}, "/channels/0", "did you mean 'email'?"),
        ({"receiver": JANE, "content": "hi", "channels": ["email", "email"]}, "/channels/1", "given twice"),
        ({"receiver": JANE, "content": "hi", "channels": ["webhook"]}, "/channels/0", "needs the receiver's url"),
        ({"receiver": JANE, "content": "hi", "channels": []}, "/channels", "at least 1 item"),
        ({"receiver": JANE, "content": "hi", "category": "nws"}, "/category", "did you mean 'news'?"),
        ({"receiver": JANE, "content": "hi", "category": "callback"}, "/category", "there are: transactional"),
        ({"receiver": JANE, "content": "hi", "priority": "high"}, "/priority", "urgent"),
        ({"receiver": JANE, "content": "hi", "mode": "test"}, "/mode", "sandbox"),
        ({"receiver": JANE, "content": "hi", "send_at": "tomorrow"}, "/send_at", "like 2026-03-01T09:00:00+01:00"),
        ({"receiver": JANE, "content": "hi", "send_at": 1}, "/send_at", "is a text like"),
        ({"receiver": JANE, "content": "hi", "send_at": "2026-03-01T09:00:00"}, "/send_at", "timezone"),
        ({"receiver": JANE, "content": "hi", "expires_at": "2020-03-01T09:00:00Z"}, "/expires_at", "over before"),
        ({"receiver": JANE, "content": "hi", "callback_url": "http://example.org"}, "/callback_url", "https"),
        ({"receiver": JANE, "content": "hi", "callback_url": "https://10.0.0.1/"}, "/callback_url", "private"),
        ({"receiver": JANE, "content": "hi", "metadata": {"order": 17}}, "/metadata/order", "string"),
        ({"receiver": {"url": "https://127.0.0.1/"}, "content": "hi"}, "/receiver/url", "private"),
        ({"receiver": {"url": "https://a:b@example.org/"}, "content": "hi"}, "/receiver/url", "no password"),
        ([], "", ""),
        (None, "", ""),
    ],
)
def test_what_cannot_be_sent_is_refused_with_its_place_and_what_to_do(service, body, pointer, sentence):
    answer = service.ask(body)
    assert answer.status_code == 422
    assert answer["Content-Type"] == "application/problem+json"
    details = [error["detail"] for error in answer.json()["errors"] if error["pointer"] == pointer]
    assert len(details) == 1
    assert sentence in details[0]
    assert not Notification.objects.exists()


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b'{"receiver":' + b"[" * 5000 + b"]" * 5000 + b"}", 400),
        (json.dumps({"receiver": JANE, "content": "a\x00b"}).encode(), 400),
        (b'{"receiver": {"email": "jane@example.org"}, "content": "\\ud800"}', 400),
        (b'{"receiver": {"email": "jane@example.org"}, "content": NaN}', 400),
        (b'{"receiver": {"email": "a@b.org"}, "receiver": {"email": "c@d.org"}, "content": "hi"}', 400),
        (json.dumps({"receiver": JANE, "content": "x" * 300_000}).encode(), 413),
        (b"\xff\xfe", 400),
        (b"", 422),
    ],
    ids=["deep", "NUL", "surrogate", "NaN", "twice", "oversize", "no UTF-8", "empty"],
)
def test_hostile_input_is_refused_in_the_same_words(service, body, status):
    answer = service.ask(body)
    assert (answer.status_code, answer["Content-Type"]) == (status, "application/problem+json")
    assert not Notification.objects.exists()


def test_another_content_type_is_refused(service):
    answer = service.post(PATH, "receiver=jane", content_type="application/x-www-form-urlencoded")
    assert (answer.status_code, answer["Content-Type"]) == (415, "application/problem+json")


def test_the_same_request_under_one_key_is_accepted_once(service):
    first = service.ask(Idempotency_Key="order-17")
    second = service.ask(Idempotency_Key="order-17")
    assert (second.status_code, second.json()) == (202, first.json())
    assert second["Idempotent-Replayed"] == "true"
    assert Notification.objects.count() == 1


def test_another_request_under_the_same_key_is_refused(service):
    service.ask(Idempotency_Key="order-17")
    answer = service.ask({**TO_JANE, "content": "other"}, Idempotency_Key="order-17")
    assert answer.status_code == 422
    assert Notification.objects.count() == 1


def test_what_was_refused_can_be_put_right_under_the_same_key(service):
    assert service.ask({**TO_JANE, "receiver": {"email": "jane"}}, Idempotency_Key="k").status_code == 422
    assert service.ask(Idempotency_Key="k").status_code == 202


def test_the_trace_is_kept(service):
    trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    assert now(service.ask(traceparent=trace).json()["id"]).traceparent == trace
    assert now(service.ask(traceparent="nonsense").json()["id"]).traceparent == ""


@pytest.mark.parametrize("headers", [{}, {"Authorization": "Bearer wrong"}])
def test_strangers_are_refused(headers):
    stranger = Client(headers=headers)
    for answer in (
        stranger.get(PATH),
        stranger.post(PATH, json.dumps(TO_JANE), content_type="application/json"),
        stranger.get(f"{PATH}00000000-0000-0000-0000-000000000000/"),
    ):
        assert (answer.status_code, answer["Content-Type"]) == (401, "application/problem+json")
    assert not Notification.objects.exists()


def test_a_person_needs_the_permission_for_each_verb():
    anna = User.objects.create_user("anna")
    client = Client()
    client.force_login(anna)
    assert client.get(PATH).status_code == 403
    anna.user_permissions.add(Permission.objects.get(codename="view_notification"))
    assert client.get(PATH).status_code == 200
    assert client.post(PATH, json.dumps(TO_JANE), content_type="application/json").status_code == 403


def test_what_belongs_to_another_tenant_is_not_there(service):
    pk = service.ask().json()["id"]
    Notification.objects.update(tenant="other")
    hidden, missing = service.get(f"{PATH}{pk}/"), service.get(f"{PATH}00000000-0000-0000-0000-000000000000/")
    assert hidden.status_code == missing.status_code == 404
    assert hidden.json()["detail"] == missing.json()["detail"]
    assert service.get(PATH).json()["results"] == []


def test_the_list_comes_in_pages_the_newest_first(service):
    made = [service.ask().json()["id"] for _ in range(5)]
    found, address = [], f"{PATH}?limit=2"
    while address:
        page = service.get(address).json()
        found += [row["id"] for row in page["results"]]
        address = page["next"]
    assert found == sorted(made, reverse=True), "ids grow with time"


def test_the_list_is_narrowed_by_status(service):
    sent, waiting = (service.ask().json()["id"] for _ in range(2))
    delivery.deliver(now(sent).pk)
    for status, expected in (("sent", [sent]), ("accepted", [waiting]), ("failed", [])):
        assert [row["id"] for row in service.get(f"{PATH}?status={status}").json()["results"]] == expected
    for wrong in ("?status=lost", "?state=sent", "?limit=0"):
        assert service.get(PATH + wrong).status_code == 400


def test_it_tells_when_it_is_tried_again_and_what_was_said_is_not_repeated(service, settings):
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_PORT = 1
    pk = service.ask().json()["id"]
    delivery.deliver(now(pk).pk)
    told = service.get(f"{PATH}{pk}/")
    assert told.json()["status"] == "queued"
    assert "cannot be reached" in told.json()["error"]
    assert told.json()["next_attempt_at"] is not None
    assert b"on its way" not in told.content


def test_other_verbs_are_refused(service: Service):
    pk = service.ask().json()["id"]
    assert service.delete(PATH).status_code == 405
    assert service.delete(f"{PATH}{pk}/").status_code == 405
    assert Notification.objects.count() == 1


@pytest.mark.django_db
@pytest.mark.parametrize("channels", ["auto", None, ["email"]])
def test_every_way_to_leave_the_choice_of_the_channel_is_accepted(service, channels):
    assert service.ask({**TO_JANE, "channels": channels}).status_code == 202


@pytest.mark.django_db
@pytest.mark.parametrize("channels", [[], ["email"] * 21, "email", [""]])
def test_channels_are_a_list_of_some(service, channels):
    answer = service.ask({**TO_JANE, "channels": channels})
    assert (answer.status_code, answer.json()["errors"][0]["pointer"][:9]) == (422, "/channels")


def test_a_category_that_is_rare_is_looked_for_no_further_at_once_than_a_window(pigeon, service, monkeypatch):
    monkeypatch.setattr(pages, "WINDOWS", (2, 3))
    rare = a_notification(category="news").pk
    for _ in range(4):
        a_notification(category="code")
    first = service.get(PATH, {"category": "news"}).json()
    assert first["results"] == [] and first["next"]
    second = service.get(first["next"]).json()
    assert ([one["id"] for one in second["results"]], second["next"]) == ([str(rare)], None)
