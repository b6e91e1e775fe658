"""What receivers want: preferences, suppressed addresses, unsubscribing, quiet hours."""

import email
import email.policy
import json
from datetime import timedelta

import pytest
from django.core import mail
from django.test import Client

from notifications import delivery
from notifications.models import Receiver, Suppression
from notifications.news import suppress
from notifications.unsubscribing import token
from tests.notifications.door import PATH
from tests.notifications.post import CALLER, a_notification, later, now

pytestmark = pytest.mark.django_db

LONG = timedelta(days=1)
JANE = f"{PATH}receivers/jane/"


def put(service, **body):
    return service.put(JANE, json.dumps(body), content_type="application/json")


def status_of(**values):
    pk = a_notification(**values).pk
    delivery.deliver(pk)
    return now(pk).status


def test_what_is_kept_of_a_receiver_is_what_was_put(service, pigeon):
    body = {
        "addresses": {"loft": "17", "email": "jane@example.org"},
        "locale": "de-AT",
        "timezone": "Europe/Vienna",
        "quiet_hours": {"begins": "22:00", "ends": "07:30"},
        "preferences": {"news": {"email": False}},
    }
    assert put(service, **body).status_code == 201
    told = service.get(JANE).json()
    assert told == {"id": "jane", **body, "quiet_hours": {"begins": "22:00:00", "ends": "07:30:00"}}
    assert put(service).status_code == 200
    assert service.get(JANE).json()["addresses"] == {}
    assert service.delete(JANE).status_code == 204
    assert service.get(JANE).status_code == 404


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"adresses": {}}, "/adresses"),
        ({"addresses": {"email": "jane"}}, "/addresses/email"),
        ({"addresses": {"fax": "1"}}, "/addresses/fax"),
        ({"timezone": "Vienna"}, "/timezone"),
        ({"timezone": "../../etc/passwd"}, "/timezone"),
        ({"quiet_hours": {"begins": "22:00"}}, "/quiet_hours/ends"),
        ({"quiet_hours": {"begins": "22:00", "ends": "25:00"}}, "/quiet_hours/ends"),
        ({"quiet_hours": {"begins": "22:00+01:00", "ends": "07:00"}}, "/quiet_hours/begins"),
        ({"preferences": {"news": {"email": "no"}}}, "/preferences/news/email"),
        ({"locale": "German, please"}, "/locale"),
    ],
)
def test_a_receiver_that_cannot_be_is_refused_with_its_place(service, pigeon, body, pointer):
    answer = put(service, **body)
    assert answer.status_code == 422
    assert [error["pointer"] for error in answer.json()["errors"]] == [pointer]
    assert not Receiver.objects.exists()


def test_a_receiver_is_found_by_its_id_with_the_addresses_that_are_kept(service, pigeon):
    put(service, addresses={"loft": "17"})
    pk = service.ask({"receiver": {"id": "jane"}, "content": "coo"}).json()["id"]
    assert delivery.deliver(now(pk).pk) == "sent"
    assert pigeon.letters[0].address == "17"


def test_a_receiver_without_any_address_is_refused(service, pigeon):
    answer = service.ask({"receiver": {"id": "nobody"}, "content": "coo"})
    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, "/receiver")


def test_receivers_are_their_tenants(service, pigeon):
    put(service, addresses={"loft": "17"})
    Receiver.objects.update(tenant="other")
    assert service.get(JANE).status_code == 404
    assert service.ask({"receiver": {"id": "jane"}, "content": "coo"}).status_code == 422


@pytest.mark.parametrize(
    ("preferences", "category", "status"),
    [
        ({}, "news", "sent"),
        ({"news": {"pigeon": False}}, "news", "skipped"),
        ({"news": {"*": False}}, "news", "skipped"),
        ({"*": {"pigeon": False}}, "news", "skipped"),
        ({"*": {"*": False}}, "news", "skipped"),
        ({"*": {"*": False}, "news": {"pigeon": True}}, "news", "sent"),
        ({"news": {"*": False, "pigeon": True}}, "news", "sent"),
        ({"news": {"email": False}}, "news", "sent"),
        ({"*": {"*": False}}, "transactional", "sent"),  # mandatory
        ({"code": {"pigeon": False}}, "code", "sent"),
    ],
)
def test_preferences_hold_but_for_what_is_mandatory(pigeon, preferences, category, status):
    Receiver.objects.create(tenant=CALLER.tenant, key="jane", preferences=preferences)
    assert status_of(receiver={"id": "jane", "loft": "17"}, category=category) == status


def test_a_preference_for_another_channel_leads_there(pigeon):
    Receiver.objects.create(tenant=CALLER.tenant, key="jane", preferences={"news": {"pigeon": False}})
    pk = a_notification(receiver={"id": "jane", "loft": "17", "email": "jane@example.org"}, category="news").pk
    delivery.deliver(pk)
    assert (now(pk).status, now(pk).channel) == ("sent", "email")


def test_who_changes_their_mind_while_it_waits_is_heard(pigeon):
    from datetime import UTC, datetime

    pk = a_notification(category="news", send_at=datetime.now(UTC) + LONG).pk
    suppress(CALLER.tenant, "pigeon", "17", "unsubscribed", category="news")
    later(LONG)
    delivery.deliver(pk)
    assert (now(pk).status, now(pk).tries) == ("skipped", 0)


@pytest.mark.parametrize(
    ("reason", "of", "category", "status"),
    [
        ("bounced", "", "transactional", "suppressed"),
        ("complained", "", "code", "suppressed"),
        ("by_hand", "", "news", "suppressed"),
        ("by_hand", "news", "news", "suppressed"),
        ("by_hand", "news", "transactional", "sent"),
        ("unsubscribed", "news", "news", "skipped"),
        ("unsubscribed", "news", "transactional", "sent"),
        ("unsubscribed", "", "transactional", "sent"),
    ],
)
def test_a_dead_address_gets_nothing_an_unsubscribed_one_what_is_mandatory(pigeon, reason, of, category, status):
    suppress(CALLER.tenant, "pigeon", "17", reason, category=of)
    suppress("other tenant", "pigeon", "18", "bounced")
    assert status_of(category=category) == status
    assert status_of(category=category, receiver={"loft": "18"}) == "sent"


def test_suppressions_are_entered_listed_and_taken_out(service, pigeon):
    listing = f"{PATH}suppressions/"
    body = {"channel": "pigeon", "address": "17", "detail": "She asked on the phone."}
    made = service.post(listing, body, "application/json")
    assert made.status_code == 201 and made.json()["reason"] == "by_hand"
    assert service.post(listing, body, "application/json").json()["id"] == made.json()["id"]
    assert service.post(listing, {**body, "channel": "owl"}, "application/json").status_code == 422
    assert [row["id"] for row in service.get(f"{listing}?address=17").json()["results"]] == [made.json()["id"]]
    assert service.get(f"{listing}?address=18").json()["results"] == []
    assert status_of() == "suppressed"
    assert service.delete(f"{listing}{made.json()['id']}/").status_code == 204
    assert service.delete(f"{listing}{made.json()['id']}/").status_code == 404
    assert status_of() == "sent"


def test_a_mail_program_unsubscribes_with_one_click(service):
    body = {"receiver": {"email": "jane@example.org"}, "content": "New!", "category": "news"}
    delivery.deliver(now(service.ask(body).json()["id"]).pk)
    sent = email.message_from_bytes(mail.outbox[0].message().as_bytes(), policy=email.policy.default)
    assert sent["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    address = "".join(sent["List-Unsubscribe"].split()).strip("<>").partition("127.0.0.1:8000")[2]

    strict = Client(enforce_csrf_checks=True)
    looked = strict.get(address)
    assert looked.status_code == 200 and b"j\xe2\x80\xa6@example.org" in looked.content
    assert not Suppression.objects.exists(), "robots look"
    for _ in range(2):
        assert (
            strict.post(address, "List-Unsubscribe=One-Click", "application/x-www-form-urlencoded").status_code == 200
        )
    row = Suppression.objects.get()
    assert (row.address, row.category, row.reason) == ("jane@example.org", "news", "unsubscribed")
    again = now(service.ask(body).json()["id"]).pk
    delivery.deliver(again)
    assert now(again).status == "skipped"


def test_what_is_mandatory_has_no_such_button(service):
    delivery.deliver(now(service.ask().json()["id"]).pk)
    assert "List-Unsubscribe" not in mail.outbox[0].extra_headers


@pytest.mark.parametrize("change", [lambda made: made[:-1] + "A", lambda made: "nonsense", lambda made: made + ":x"])
def test_a_made_up_address_unsubscribes_nobody(change):
    made = token("default", "email", "jane@example.org", "news")
    answer = Client().post(f"{PATH}unsubscribe/{change(made)}/")
    assert answer.status_code == 404
    assert not Suppression.objects.exists()
