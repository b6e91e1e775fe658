"""Templates over REST: versions, locales, publishing, preview; and what is sent with one. And what a dry run says."""

import json

import pytest

from notifications import delivery
from notifications.models import MessageTemplate, Notification, Receiver
from notifications.news import suppress
from tests.notifications.door import PATH
from tests.notifications.post import now

pytestmark = pytest.mark.django_db

ORDER = f"{PATH}templates/order/"
BODY = {
    "locale": "en",
    "texts": {
        "en": {"subject": "Order {{ number }}", "text": "Hello {{ name }}.", "html": "<p>Hello {{ name }}.</p>"},
        "de": {"subject": "Bestellung {{ number }}", "text": "Hallo {{ name }}."},
    },
    "fields": {"name": "text", "number": "number", "note": "text?"},
    "example": {"name": "Jane", "number": 17},
}
DATA = {"name": "Jane", "number": 17}


def post(service, address, body=None):
    return service.post(address, json.dumps({} if body is None else body), content_type="application/json")


@pytest.fixture
def order(service):
    """A template that is published."""
    assert post(service, ORDER, BODY).status_code == 201
    assert post(service, f"{ORDER}1/publish/").json()["published_at"]


def ask(service, receiver=None, query="", **values):
    receiver = receiver or {"email": "jane@example.org"}
    return post(service, PATH + query, {"receiver": receiver, "template": "order", "data": DATA, **values})


@pytest.mark.parametrize(
    ("locale", "subject"),
    [
        ("de", "Bestellung 17"),
        ("de-AT", "Bestellung 17"),
        ("DE_at", "Bestellung 17"),
        ("fr", "Order 17"),
        ("", "Order 17"),
    ],
)
def test_it_is_said_in_the_receivers_language_or_the_templates_own(service, order, locale, subject):
    receiver = {"email": "jane@example.org", **({"locale": locale} if locale else {})}
    pk = ask(service, receiver).json()["id"]
    assert now(pk).content["subject"] == subject
    assert now(pk).template == "order 1"


def test_the_language_that_is_kept_of_a_receiver_counts(service, order):
    Receiver.objects.create(tenant="default", key="jane", locale="de", addresses={"email": "jane@example.org"})
    assert now(ask(service, {"id": "jane"}).json()["id"]).content["subject"] == "Bestellung 17"


def test_a_mail_has_text_and_html(service, order, mailoutbox):
    delivery.deliver(now(ask(service).json()["id"]).pk)
    (sent,) = mailoutbox
    assert sent.body == "Hello Jane."
    assert sent.alternatives[0][0] == "<p>Hello Jane.</p>"


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        ({"name": "Jane"}, "no 'number'"),
        ({"name": "Jane", "number": "17"}, "to be a number"),
        ({"name": "Jane", "number": True}, "to be a number"),
        ({"name": ["Jane"], "number": 1}, "to be a text"),
        ({**DATA, "nmae": "x"}, "knows no 'nmae'"),
    ],
)
def test_data_that_do_not_fit_are_refused_at_the_door(service, order, data, sentence):
    answer = ask(service, data=data)
    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, "/data")
    assert sentence in answer.json()["detail"]
    assert not Notification.objects.exists()


def test_a_line_break_in_the_data_makes_no_header(service, order, mailoutbox):
    post(service, ORDER, {**BODY, "texts": {"en": {"subject": "For {{ name }}", "text": "x"}}})
    post(service, f"{ORDER}2/publish/")
    pk = ask(service, data={"name": "Jane\r\nBcc: all@example.org", "number": 1}).json()["id"]
    delivery.deliver(now(pk).pk)
    assert mailoutbox[0].message()["Subject"] == "For Jane Bcc: all@example.org"
    assert mailoutbox[0].message()["Bcc"] is None


def test_drafts_are_not_said_and_the_highest_published_one_is(service, order):
    changed = {**BODY, "texts": {"en": {"text": "Servus {{ name }}."}}}
    assert post(service, ORDER, changed).json()["version"] == 2
    assert now(ask(service).json()["id"]).template == "order 1"
    post(service, f"{ORDER}2/publish/")
    assert now(ask(service).json()["id"]).content == {"text": "Servus Jane."}
    assert [row["version"] for row in service.get(ORDER).json()["results"]] == [2, 1]


def test_a_template_that_there_is_not_or_only_as_a_draft_is_refused(service):
    assert ask(service).status_code == 422
    post(service, ORDER, BODY)
    assert ask(service).json()["errors"][0]["pointer"] == "/template"


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"locale": "fr"}, "own locale 'fr'"),
        ({"example": {}}, "no 'name'"),
        ({"fields": {**BODY["fields"], "name": "string"}}, "no type 'string'"),
        ({"texts": {"en": {"text": "{{ missing }}"}}}, "no 'missing'"),
        ({"texts": {"en": {"text": "{% load x %}"}}}, "cannot be read"),
        ({"texts": {"en": {"text": "{% if note %}{% endif %}"}}}, "empty"),
        ({"texts": {"en": {"html": "x"}}}, "missing"),
    ],
)
def test_a_template_that_cannot_be_said_is_not_kept(service, change, sentence):
    answer = post(service, ORDER, {**BODY, **change})
    assert answer.status_code == 422
    assert sentence in answer.json()["detail"]
    assert not MessageTemplate.objects.exists()


def test_a_preview_shows_it_and_sends_nothing(service, order):
    shown = post(service, f"{ORDER}1/preview/", {"data": {"name": "<b>", "number": 1}, "locale": "en-GB"}).json()
    assert shown == {
        "locale": "en",
        "why": "There is none for en-GB.",
        "timezone": "UTC",
        "subject": "Order 1",
        "text": "Hello <b>.",
        "html": "<p>Hello &lt;b&gt;.</p>",
    }
    assert post(service, f"{ORDER}1/preview/").json()["text"] == "Hello Jane."
    assert post(service, f"{ORDER}1/preview/", {"data": {}}).status_code == 422
    assert post(service, f"{ORDER}9/preview/").status_code == 404
    assert not Notification.objects.exists()


def test_templates_are_their_tenants(service, order):
    MessageTemplate.objects.update(tenant="other")
    assert service.get(ORDER).status_code == 404
    assert ask(service).status_code == 422
    assert post(service, ORDER, BODY).json()["version"] == 1


@pytest.mark.parametrize(
    "body",
    [
        {"receiver": {"email": "j@example.org"}},
        {"receiver": {"email": "j@example.org"}, "template": "order", "content": "x"},
        {"receiver": {"email": "j@example.org"}, "content": "x", "data": {}},
    ],
)
def test_it_is_said_with_a_content_or_a_template(service, order, body):
    assert post(service, PATH, body).status_code == 422


def test_a_dry_run_says_what_it_would_say_and_where_and_keeps_nothing(service, order):
    told = ask(service, query="?dry_run=true").json()
    assert (told["outcome"], told["why"]) == ("sent", "It goes through email.")
    assert told["route"] == [
        {"channel": "email", "address": "jane@example.org", "providers": [{"name": "mail", "left_alone": False}]}
    ]
    assert told["content"]["text"] == "Hello Jane."
    assert not Notification.objects.exists()
    assert ask(service, query="?dry_run=true", data={}).status_code == 422


def test_a_dry_run_says_why_not(service, order):
    suppress("default", "email", "jane@example.org", "bounced")
    told = ask(service, query="?dry_run=true").json()
    assert (told["outcome"], told["route"]) == ("suppressed", [])
    assert told["closed"] == [
        {"channel": "email", "status": "suppressed", "why": "The address is suppressed: Bounced."}
    ]


def test_a_dry_run_says_when(service, order):
    told = ask(service, query="?dry_run=true", send_at="2099-01-01T00:00:00Z").json()
    assert (told["outcome"], told["at"]) == ("scheduled", "2099-01-01T00:00:00Z")
    assert ask(service, query="?dry_rnu=true").status_code == 400
