"""The console's pages show everything and change nothing."""

import re
from datetime import timedelta

import pytest
from django.contrib.auth.models import Permission, User
from django.db.models import F
from django.test import Client

from notifications import delivery, wording
from notifications.channels.channel import ChannelError
from notifications.models import Attempt, Event, MessageTemplate, Notification, Receiver, Suppression
from notifications.news import suppress
from notifications.timeline import timeline
from notifications.verdict import Result
from tests.notifications.post import a_notification, later

pytestmark = pytest.mark.django_db

LIST = "/admin/notifications/notification/"


@pytest.fixture
def admin() -> Client:
    """The most powerful person that there is."""
    client = Client()
    client.force_login(User.objects.create_superuser("anna"))
    return client


def test_the_list_is_narrowed_by_status_and_masks_receivers(admin, pigeon):
    pigeon.script.append(ChannelError("There is no such loft.", Result.REFUSED))
    failed = a_notification(receiver={"loft": "17 Roof Lane"}).pk
    delivery.deliver(failed)
    waiting = a_notification().pk
    page = admin.get(f"{LIST}?status__exact=failed").content.decode()
    assert str(failed) in page and "There is no such loft." in page
    assert str(waiting) not in page
    assert "Roof Lane" not in page


def test_the_page_of_one_shows_what_was_tried(admin, pigeon):
    pk = a_notification(receiver={"loft": "17 Roof Lane"}).pk
    pigeon.script.append(ChannelError("It rains."))
    for _ in range(2):
        delivery.deliver(pk)
        later(timedelta(days=1))
    page = admin.get(f"{LIST}{pk}/change/").content.decode()
    assert "It rains." in page and "pigeon 2" in page
    assert "17 Roof Lane" not in page and not re.search(r"\bcoo\b", page), "addresses and words are masked"


@pytest.mark.parametrize("searched", ["", "nonsense", "00000000-0000-0000-0000-000000000000"])
def test_the_search_takes_anything(admin, pigeon, searched):
    a_notification()
    assert admin.get(LIST, {"q": searched}).status_code == 200


def test_nothing_can_be_changed(admin, pigeon):
    pk = a_notification().pk
    delivery.deliver(pk)
    before = list(Notification.objects.values()), list(Attempt.objects.values())
    assert admin.get(f"{LIST}add/").status_code == 403
    for address in (f"{LIST}add/", f"{LIST}{pk}/change/", f"{LIST}{pk}/delete/"):
        assert admin.post(address, {"status": "failed", "post": "yes"}).status_code == 403
    admin.post(LIST, {"action": "delete_selected", "_selected_action": str(pk), "post": "yes"})
    assert (list(Notification.objects.values()), list(Attempt.objects.values())) == before


def test_what_is_sealed_is_revealed_to_whom_it_is_permitted_and_that_is_noted(admin, pigeon):
    pk = a_notification(receiver={"loft": "17 Roof Lane"}, content={"text": "Your code is 4711."}).pk
    delivery.deliver(pk)
    where = f"{LIST}{pk}/reveal/"
    assert "code is 4711" not in admin.get(where).content.decode()
    assert "Say why." in admin.post(where, {"reason": " "}).content.decode()
    assert not Event.objects.filter(kind="revealed").exists()
    page = admin.post(where, {"reason": "She called us."}).content.decode()
    assert "17 Roof Lane" in page and "Your code is 4711." in page
    event = Event.objects.get(kind="revealed")
    assert (event.actor, event.detail, event.notification_id) == ("person:anna", "She called us.", pk)


def test_a_reason_may_hold_any_character_and_have_any_length(admin, pigeon):
    pk = a_notification().pk
    assert admin.post(f"{LIST}{pk}/reveal/", {"reason": "a\x00b" + "c" * 1000}).status_code == 200
    detail = Event.objects.get(kind="revealed").detail
    assert detail.startswith("a�bc") and len(detail) == 500
    pigeon.script.append(ChannelError("No.", Result.REFUSED))
    delivery.deliver(pk)
    assert resend(admin, pk, confirmed="yes", reason="a\x00b").status_code == 302
    assert Event.objects.get(kind="retry").detail == "a�b"


def test_who_may_not_reveal_is_shown_nothing(pigeon):
    bob = User.objects.create_user("bob", is_staff=True)
    bob.user_permissions.add(*Permission.objects.filter(codename__in=["view_notification", "change_notification"]))
    client = Client()
    client.force_login(bob)
    pk = a_notification(receiver={"loft": "17 Roof Lane"}).pk
    assert client.get(f"{LIST}{pk}/change/").status_code == 200
    assert client.post(f"{LIST}{pk}/reveal/", {"reason": "x"}).status_code == 403
    bob.user_permissions.add(Permission.objects.get(codename="reveal_notification"))
    Notification.objects.update(tenant="other")
    assert client.post(f"{LIST}{pk}/reveal/", {"reason": "x"}).status_code == 404
    assert not Event.objects.filter(kind="revealed").exists()


def test_suppressions_are_found_by_the_whole_address(admin, pigeon):
    suppress("default", "email", "Jane.Roe@example.org", "bounced")
    address = "/admin/notifications/suppression/"
    assert "1 suppression" in admin.get(address, {"q": "jane.roe@example.org"}).content.decode()
    assert "0 suppressions" in admin.get(address, {"q": "jane.roe"}).content.decode()


def resend(client, *pks, **more):
    return client.post(LIST, {"action": "send_again", "_selected_action": [str(pk) for pk in pks], **more})


def test_before_something_is_sent_again_a_page_says_what_would_happen(admin, pigeon):
    pigeon.script.extend([ChannelError("No.", Result.REFUSED), ChannelError("It flew away.", Result.UNKNOWN)])
    failed, unknown, sent = (a_notification(category=name).pk for name in ("news", "code", "news"))
    for pk in (failed, unknown, sent):
        delivery.deliver(pk)
    page = resend(admin, failed, unknown, sent).content.decode()
    for sentence in ("sent if its receiver can be reached", "would arrive twice", "It is sent: nothing will be done"):
        assert page.count(sentence) == 1
    assert len(pigeon.letters) == 3

    assert "Say why." in resend(admin, failed, confirmed="yes").content.decode()
    answer = admin.post(
        LIST,
        {
            "action": "send_again",
            "_selected_action": [str(pk) for pk in (failed, unknown, sent)],
            "confirmed": "yes",
            "reason": "The loft is open.",
        },
        follow=True,
    )
    assert "2 of 3 are queued again" in answer.content.decode()
    assert dict(Notification.objects.values_list("pk", "status")) == {failed: "queued", unknown: "queued", sent: "sent"}
    event = Notification.objects.get(pk=failed).events.get(kind="retry")
    assert (event.actor, event.detail) == ("person:anna", "The loft is open.")


def test_who_may_only_look_sends_nothing_again(pigeon):
    bob = User.objects.create_user("bob", is_staff=True)
    bob.user_permissions.add(Permission.objects.get(codename="view_notification"))
    client = Client()
    client.force_login(bob)
    pigeon.script.append(ChannelError("No.", Result.REFUSED))
    pk = a_notification().pk
    delivery.deliver(pk)
    assert "send_again" not in client.get(LIST).content.decode()
    resend(client, pk, confirmed="yes", reason="x")
    assert Notification.objects.get().status == "failed"


def test_everybody_sees_the_rows_of_their_own_tenant(admin, pigeon):
    pk = a_notification().pk
    suppress("other", "pigeon", "17", "bounced")
    Notification.objects.update(tenant="other")
    assert str(pk) not in admin.get(LIST).content.decode()
    assert admin.get(f"{LIST}{pk}/change/").status_code == 302
    assert "0 suppressions" in admin.get("/admin/notifications/suppression/").content.decode()


def test_the_other_pages_mask_addresses_and_show_previews(admin, pigeon):
    suppress("default", "email", "jane.roe@example.org", "bounced")
    Receiver.objects.create(tenant="default", key="jane", addresses={"email": "jane.roe@example.org"})
    texts = {"en": {"subject": "For {{ name }}", "text": "Hello <b>{{ name }}</b>."}}
    wording.save(
        "default", "hello", "a test", locale="en", texts=texts, fields={"name": "text"}, example={"name": "Jane"}
    )
    pages = ""
    for kind, row in (
        ("suppression", Suppression.objects.get()),
        ("receiver", Receiver.objects.get()),
        ("messagetemplate", MessageTemplate.objects.get()),
    ):
        pages += admin.get(f"/admin/notifications/{kind}/").content.decode()
        pages += admin.get(f"/admin/notifications/{kind}/{row.pk}/change/").content.decode()
    assert "jane.roe" not in pages
    assert "j…@example.org" in pages
    assert "For Jane\n\nHello &lt;b&gt;Jane&lt;/b&gt;." in pages


def test_nothing_that_a_provider_is_made_with_is_on_a_page(admin, pigeon, settings):
    secret = "not-for-anybodys-eyes"
    entries = settings.NOTIFICATIONS["PROVIDERS"]
    settings.NOTIFICATIONS = {"PROVIDERS": {**entries, "pigeon": {**entries["pigeon"], "options": {"secret": secret}}}}
    pigeon.script.append(ChannelError(f"https://api.example.org/{secret}/send is closed.", Result.OUT))
    pk = a_notification().pk
    delivery.deliver(pk)
    for address in (LIST, f"{LIST}{pk}/change/", "/admin/notifications/providerhealth/"):
        page = admin.get(address).content.decode()
        assert "is closed" in page
        assert secret not in page


def test_the_page_of_providers_shows_every_one_and_how_it_does(admin, pigeon, settings):
    entries = settings.NOTIFICATIONS["PROVIDERS"]
    raven = {"channel": "raven", "path": "tests.notifications.post.Raven", "per_minute": 60}
    settings.NOTIFICATIONS = {"PROVIDERS": {**entries, "raven": raven}}
    pigeon.script.append(ChannelError("Wrong key.", Result.DENIED))
    delivery.deliver(a_notification().pk)
    page = admin.get("/admin/notifications/providerhealth/").content.decode()
    rows = {row.partition("</th>")[0]: row for row in page.split('<th scope="row">')[1:]}
    assert list(rows) == ["pigeon", "mail", "raven"], "in the order of preference"
    assert "<b>open</b><br>until" in rows["pigeon"] and "Wrong key." in rows["pigeon"]
    assert "<td>1</td>" in rows["pigeon"] and "<td>0</td>" in rows["mail"]
    assert "<b>closed</b></td>" in rows["mail"]
    assert "raven, 60 a minute" in rows["raven"]
    later(timedelta(minutes=1))
    assert "<b>trying</b></td>" in admin.get("/admin/notifications/providerhealth/").content.decode()


def test_the_page_of_providers_is_for_those_who_may_see_it(pigeon):
    bob = User.objects.create_user("bob", is_staff=True)
    client = Client()
    client.force_login(bob)
    assert client.get("/admin/notifications/providerhealth/").status_code == 403


def test_the_page_of_one_tells_events_and_attempts_in_one_order(admin, pigeon):
    pk = a_notification().pk
    pigeon.script.append(ChannelError("It rains.", code="wet"))
    for _ in range(2):
        delivery.deliver(pk)
        Notification.objects.exclude(due_at=None).update(due_at=F("due_at") - timedelta(days=1))
    told = [moment.what for moment in timeline(Notification.objects.get(pk=pk))]
    assert [sentence.partition(" after ")[0] for sentence in told] == [
        "accepted from a test",
        "attempt 1 through pigeon, pigeon: begun",
        "attempt 1 through pigeon, pigeon: not_now (wet)",
        "attempt 2 through pigeon, pigeon: begun",
        "attempt 2 through pigeon, pigeon: sent",
        "sent",
    ]
    assert told[2].endswith(": It rains.")
    assert "attempt 2 through pigeon, pigeon: begun" in admin.get(f"{LIST}{pk}/change/").content.decode()


def test_what_was_said_in_a_digest_leads_to_it_and_is_not_sent_again_by_itself(admin, pigeon):
    digest = a_notification().pk
    pk = a_notification().pk
    Notification.objects.filter(pk=pk).update(digest=digest, status="failed", due_at=None)
    assert f"{LIST}{digest}/change/" in admin.get(f"{LIST}{pk}/change/").content.decode()
    assert f"It is part of the digest {digest}" in resend(admin, pk).content.decode()
