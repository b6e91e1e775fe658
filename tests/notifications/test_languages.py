"""Everybody reads in their own language and by their own clock, also what is said to a topic."""

import json

import pytest

from notifications import delivery, wording
from notifications.models import MessageTemplate, Notification, Receiver, Subscriber
from notifications.templating import Unrenderable
from tests.notifications.door import PATH
from tests.notifications.post import now

pytestmark = pytest.mark.django_db

STARTS = "2026-03-01T20:30:00+00:00"
TEXTS = {
    "en": {"subject": "It starts", "text": "{{ starts|date:'j F Y, H:i' }}, {{ price }}"},
    "de": {"subject": "Es beginnt", "text": "{{ starts|date:'j. F Y, H:i' }}, {{ price }}"},
    "pt-BR": {"subject": "Começa", "text": "{{ starts|date:'j F Y, H:i' }}, {{ price }}"},
}
FIELDS = {"starts": "time", "price": "number"}
DATA = {"starts": STARTS, "price": 3.5}


def post(service, address, body=None):
    return service.post(address, json.dumps({} if body is None else body), content_type="application/json")


@pytest.fixture
def concert(pigeon, service):
    """A template in three languages, its own being English."""
    body = {"locale": "en", "texts": TEXTS, "fields": FIELDS, "example": DATA}
    assert post(service, f"{PATH}templates/concert/", body).status_code == 201
    assert post(service, f"{PATH}templates/concert/1/publish/").status_code == 200
    return pigeon


def person(key, locale, zone=""):
    Receiver.objects.create(tenant="default", key=key, locale=locale, timezone=zone, addresses={"loft": key})
    Subscriber.objects.create(tenant="default", topic="fans", receiver=key)


def preview(service, **values):
    return post(service, f"{PATH}templates/concert/1/preview/", {"data": DATA, **values}).json()


@pytest.mark.parametrize(
    ("wished", "chosen", "why"),
    [
        (["de"], "de", "It is the receiver's own."),
        (["DE_at"], "de", "There is none for DE_at."),
        (["pt"], "pt-BR", "There is none for pt, and this is the same language."),
        (["pt-PT"], "pt-BR", "There is none for pt-PT, and this is the same language."),
        (["fr", "de"], "de", "It is the receiver's own."),
        (["fr", "it"], "en", "There is none for fr, it; this is the template's own."),
        ([], "en", "Nobody said which one to use; this is the template's own."),
        (["d"], "en", "There is none for d; this is the template's own."),
    ],
)
def test_each_wish_is_looked_at_in_turn_and_the_choice_says_why(wished, chosen, why):
    choice = wording.chosen(MessageTemplate(locale="en", texts=TEXTS), wished)
    assert (choice.locale, choice.why) == (chosen, why)


@pytest.mark.parametrize(
    ("locale", "zone", "text"),
    [
        ("en", None, "1 March 2026, 20:30, 3.5"),
        ("en", "America/New_York", "1 March 2026, 15:30, 3.5"),
        ("de-AT", "Europe/Vienna", "1. März 2026, 21:30, 3,5"),
        ("pt", "Asia/Tokyo", "2 Março 2026, 05:30, 3,5"),
    ],
)
def test_times_are_by_the_receivers_clock_and_in_the_language_of_the_text(concert, service, locale, zone, text):
    told = preview(service, locale=locale, **({"timezone": zone} if zone else {}))
    assert (told["text"], told["timezone"]) == (text, zone or "UTC")


@pytest.mark.parametrize("starts", ["2026-03-01", "2026-03-01T20:30:00", "soon", "", 17, "9999-99-99T00:00:00Z"])
def test_what_is_no_time_is_refused_at_the_door(concert, service, starts):
    body = {"receiver": {"loft": "17"}, "template": "concert", "data": {**DATA, "starts": starts}}
    answer = post(service, PATH, body)
    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, "/data")
    assert not Notification.objects.exists()


def test_a_preview_in_a_zone_that_there_is_not_is_refused(concert, service):
    answer = post(service, f"{PATH}templates/concert/1/preview/", {"timezone": "Mars/Olympus"})
    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, "/timezone")


def test_each_of_a_topic_gets_it_in_their_own_language_and_by_their_own_clock(concert, service):
    person("jane", "de-AT", "Europe/Vienna")
    person("joão", "pt-PT")
    person("jo", "")
    person("jean", "fr", "Asia/Tokyo")
    body = {"receiver": {"topic": "fans", "locale": "de"}, "template": "concert", "data": DATA}
    pk = post(service, PATH, body).json()["id"]
    delivery.deliver(now(pk).pk)
    parts = list(Notification.objects.filter(part_of=pk))
    for part in parts:
        delivery.deliver(part.pk)
    assert {letter.address: (letter.subject, letter.text) for letter in concert.letters} == {
        "jane": ("Es beginnt", "1. März 2026, 21:30, 3,5"),
        "joão": ("Começa", "1 Março 2026, 20:30, 3,5"),
        "jo": ("Es beginnt", "1. März 2026, 20:30, 3,5"),  # the request's
        "jean": ("Es beginnt", "2. März 2026, 05:30, 3,5"),
    }
    told = service.get(f"{PATH}?part_of={pk}").json()["results"]
    assert {(row["receiver"]["id"], row["locale"], row["template"]) for row in told} == {
        ("jane", "de", "concert 1"),
        ("joão", "pt-BR", "concert 1"),
        ("jo", "de", "concert 1"),
        ("jean", "de", "concert 1"),
    }


def test_a_version_that_is_published_meanwhile_is_not_said_to_a_topic(concert, service):
    person("jane", "de")
    pk = post(service, PATH, {"receiver": {"topic": "fans"}, "template": "concert", "data": DATA}).json()["id"]
    other = {"locale": "en", "texts": {"en": {"text": "Cancelled."}}}
    post(service, f"{PATH}templates/concert/", other)
    post(service, f"{PATH}templates/concert/2/publish/")
    delivery.deliver(now(pk).pk)
    assert Notification.objects.get(part_of=pk).content["subject"] == "Es beginnt"


def test_what_cannot_be_said_by_now_is_said_as_when_it_was_accepted(concert, service, caplog):
    person("jane", "de")
    pk = post(service, PATH, {"receiver": {"topic": "fans"}, "template": "concert", "data": DATA}).json()["id"]
    MessageTemplate.objects.update(texts={**TEXTS, "de": {"text": "{{ missing }}"}})
    delivery.deliver(now(pk).pk)
    assert Notification.objects.get(part_of=pk).content["subject"] == "It starts"
    assert "cannot be said in de" in caplog.text


def test_to_a_topic_it_must_be_sayable_in_every_language(concert, service):
    texts = {**TEXTS, "de": {"text": "{{ price }}{% if late %}{{ late }}{% endif %}{{ note }}"}}
    fields = {**FIELDS, "note": "text?"}
    body = {"locale": "en", "texts": texts, "fields": fields, "example": {**DATA, "note": "x"}}
    post(service, f"{PATH}templates/concert/", body)
    post(service, f"{PATH}templates/concert/2/publish/")
    asked = {"template": "concert", "data": DATA}
    assert post(service, PATH, {"receiver": {"loft": "17"}, **asked}).status_code == 202
    answer = post(service, PATH, {"receiver": {"topic": "fans"}, **asked})
    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, "/data")


def test_a_dry_run_says_which_language_and_clock_were_chosen_and_why(concert, service):
    person("jane", "de-AT", "Europe/Vienna")
    body = {"receiver": {"id": "jane", "locale": "fr"}, "template": "concert", "data": DATA}
    told = post(service, f"{PATH}?dry_run=true", body).json()
    assert told["template"] == "concert 1"
    assert told["locale"] == {"chosen": "de", "wished": ["fr", "de-AT"], "why": "There is none for de-AT."}
    assert told["timezone"] == {"chosen": "Europe/Vienna", "why": "It is the receiver's own."}
    assert told["content"]["text"] == "1. März 2026, 21:30, 3,5"
    told = post(service, f"{PATH}?dry_run=true", {**body, "receiver": {"topic": "fans"}}).json()
    assert "in their own language and by their own clock" in told["why"]
    told = post(service, f"{PATH}?dry_run=true", {**body, "receiver": {"loft": "17"}}).json()
    assert told["timezone"]["why"] == "None is known; this is the service's."


@pytest.mark.parametrize("locale", ["../../../etc", "xx-unheard-of", "🙂", "a" * 60])
def test_a_locale_that_django_does_not_know_is_a_name_like_any_other(locale):
    template = MessageTemplate(
        locale=locale, texts={locale: {"text": "{{ starts|date:'F' }}"}}, fields={"starts": "time"}
    )
    assert wording.said(template, {"starts": STARTS}, locale)["text"] == "March"


def test_a_time_in_a_list_of_the_data_is_a_text(concert, service):
    template = MessageTemplate(locale="en", texts={"en": {"text": "{{ all.0 }}"}}, fields={"all": "list"})
    assert wording.said(template, {"all": [STARTS]}, "en")["text"] == STARTS
    with pytest.raises(Unrenderable):
        wording.said(template, {"all": STARTS}, "en")
