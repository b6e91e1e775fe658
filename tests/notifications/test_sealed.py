"""What the database alone gives away of people: nothing."""

from io import StringIO

import pytest
from cryptography.fernet import Fernet
from django.conf import settings as django_settings
from django.core.management import call_command
from django.db import connection

from gateway import vault
from gateway.resealing import reseal
from notifications import delivery
from notifications.models import Delivery, Notification, Receiver, Suppression
from notifications.news import suppress
from notifications.plan import routed
from notifications.resealing import columns
from notifications.sealed import mark_of, marks_of
from tests.notifications.door import PATH
from tests.notifications.post import a_notification, now

pytestmark = pytest.mark.django_db

ADDRESS, WORDS = "jane.canary@example.org", "the canary sings"


def dump():
    """Every row of every table of ours, as the database has it."""
    with connection.cursor() as cursor:
        tables = [
            name for name in connection.introspection.table_names(cursor) if name.startswith(("notif", "gateway"))
        ]
        rows = []
        for name in tables:
            cursor.execute(f'SELECT * FROM "{name}"')
            rows += cursor.fetchall()
    return repr(rows)


def test_no_address_and_no_word_stands_in_any_table(pigeon, service):
    service.put(f"{PATH}receivers/jane/", {"addresses": {"email": ADDRESS}}, "application/json")
    service.post(f"{PATH}suppressions/", {"channel": "pigeon", "address": "loft-canary"}, "application/json")
    live = {"receiver": {"id": "jane"}, "content": {"subject": WORDS, "text": WORDS, "html": WORDS}}
    bodies = (live, live | {"mode": "sandbox"}, {"receiver": {"loft": "roof-canary"}, "content": WORDS})
    for number, body in enumerate(bodies):
        answer = service.ask(body, Idempotency_Key=f"key-{number}")
        delivery.deliver(now(answer.json()["id"]).pk)
    called_off = service.post(
        f"{PATH}{answer.json()['id']}/cancel/",
        {"correction": {"content": WORDS}},
        "application/json",
        headers={"Idempotency-Key": "undo"},
    )
    assert called_off.json()["correction"]
    found = dump()
    assert vault.BEGINNING in found
    assert "canary" not in found
    assert str(answer.json()["id"]).replace("-", "")[:8] in found.replace("-", ""), "the rows were looked at"


def test_what_was_stored_before_is_read_as_it_is(pigeon):
    pk = a_notification().pk
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE notifications_notification SET receiver = %s, content = %s", ['{"loft": "9"}', '{"text": "old"}']
        )
    assert (now(pk).receiver, now(pk).content) == ({"loft": "9"}, {"text": "old"})
    assert delivery.deliver(pk) == "sent"
    assert Delivery.objects.get().address == "9"


def test_a_dead_address_is_known_under_an_earlier_key(pigeon, settings):
    suppress("default", "pigeon", "17", "bounced")
    settings.SECRET_KEY_FALLBACKS, settings.SECRET_KEY = [django_settings.SECRET_KEY], "another-key"
    assert mark_of("17") != Suppression.objects.get().mark
    assert Suppression.objects.get().mark in marks_of("17")
    assert [closed.status for closed in routed(a_notification()).closed] == ["suppressed"]
    suppress("default", "pigeon", "17", "complained")
    assert Suppression.objects.count() == 1


def test_an_e_mail_address_is_the_same_in_capital_letters_and_an_id_is_no_address():
    assert mark_of("Jane@Example.org") == mark_of("jane@example.org")
    assert mark_of("17") != mark_of("17", kind="id")
    assert mark_of("Token") != mark_of("token")


def test_lookup_keys_of_their_own_outlive_the_projects_secret(settings):
    settings.NOTIFICATIONS = {**settings.NOTIFICATIONS, "LOOKUP_KEYS": ("new", "old")}
    first = marks_of("17")
    settings.SECRET_KEY = "another-key"
    assert marks_of("17") == first and len(first) == 2


def test_what_is_empty_is_not_sealed(pigeon):
    pk = a_notification().pk
    Notification.objects.filter(pk=pk).update(receiver={}, content={}, callback_url="")
    Receiver.objects.create(tenant="default", key="jane")
    with connection.cursor() as cursor:
        cursor.execute("SELECT receiver, content, callback_url FROM notifications_notification")
        assert cursor.fetchall() == [("{}", "{}", "")]
        cursor.execute("SELECT addresses FROM notifications_receiver")
        assert cursor.fetchall() == [("{}",)]


def under_older_keys():
    return sum(batch.resealed for column in columns() for batch in reseal(column, dry_run=True))


def test_a_key_is_changed_while_all_goes_on(pigeon, settings, service):
    first, second = (Fernet.generate_key().decode() for _ in range(2))
    settings.GATEWAY = {**settings.GATEWAY, "VAULT_KEYS": (first,)}
    service.put(f"{PATH}receivers/jane/", {"addresses": {"loft": "17"}}, "application/json")
    suppress("default", "email", "dead@example.org", "bounced")
    sent, waiting = a_notification().pk, a_notification().pk
    delivery.deliver(sent)
    settings.GATEWAY = {**settings.GATEWAY, "VAULT_KEYS": (second, first)}
    assert under_older_keys() == 7
    call_command("reseal", stdout=StringIO())
    assert under_older_keys() == 0
    settings.GATEWAY = {**settings.GATEWAY, "VAULT_KEYS": (second,)}
    assert delivery.deliver(waiting) == "sent"
    assert (now(sent).content, Delivery.objects.first().address) == ({"text": "coo"}, "17")
    assert Receiver.objects.get().addresses == {"loft": "17"}
    assert Suppression.objects.get().address == "dead@example.org"


def test_what_was_stored_before_is_sealed_by_the_same_command(pigeon):
    pk = a_notification().pk
    with connection.cursor() as cursor:
        cursor.execute("UPDATE notifications_notification SET content = %s", ['{"text": "plain canary"}'])
    call_command("reseal", stdout=StringIO())
    assert "canary" not in dump()
    assert now(pk).content == {"text": "plain canary"}
