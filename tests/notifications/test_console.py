"""The console's pages show everything and change nothing."""

from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.test import Client

from notifications import delivery
from notifications.channels.channel import ChannelError
from notifications.models import Attempt, Notification
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
    assert "17 Roof Lane" in page and "It rains." in page and "pigeon 2" in page


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
