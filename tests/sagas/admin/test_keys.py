"""API keys in the console: made, shown once, rotated and revoked by those who look after the installation."""

from datetime import timedelta

import pytest
from django.contrib.admin.models import LogEntry
from django.urls import reverse
from django.utils import timezone

from gateway import keys
from gateway.models import ApiKey, Membership
from tests.sagas.admin.conftest import text_of
from tests.sagas.admin.scenes import RUDE

pytestmark = pytest.mark.django_db

KEYS = reverse("admin:gateway_apikey_changelist")
NEW = reverse("admin:gateway_apikey_new")
ASKED = {"name": "shop", "scopes": ["read", "start"], "days": "90"}


@pytest.fixture
def administrator(someone):
    return someone("view_apikey", "change_apikey")


def issued(name: str = "shop", **more) -> keys.Issued:
    return keys.issue(name, tenant=more.pop("tenant", "default"), scopes=["read"], **more)


def address(deed: str, key: keys.Issued) -> str:
    return reverse(f"admin:gateway_apikey_{deed}", args=[key.row.pk])


def test_a_key_is_made_shown_once_and_opens_what_it_is_for(administrator):
    answer = administrator.post(NEW, ASKED)
    key = answer.context["issued"].key
    assert key in answer.content.decode()
    assert "no-store" in answer["Cache-Control"]
    row = keys.known(key)
    assert (row.name, row.scopes, row.definitions) == ("shop", ["read", "start"], None)
    assert timedelta(days=89) < row.expires_at - timezone.now() <= timedelta(days=90)
    shown = text_of(administrator.get(KEYS))
    assert row.prefix in shown
    assert key not in shown
    assert "ann made a key for shop: read, start" in shown


def test_a_form_that_is_sent_twice_makes_one_key(administrator):
    administrator.post(NEW, ASKED)
    assert "has a live key already" in text_of(administrator.post(NEW, ASKED))
    assert ApiKey.objects.count() == 1


@pytest.mark.parametrize(
    "change",
    [{"name": ""}, {"scopes": []}, {"scopes": ["everything"]}, {"days": "7"}, {"rate": "0"}, {"rate": "9" * 12}],
)
def test_what_no_key_can_be_is_refused(administrator, change):
    assert administrator.post(NEW, {**ASKED, **change}).status_code == 200
    assert not ApiKey.objects.exists()


def test_a_key_is_rotated_and_the_one_before_goes_on_for_a_while(administrator):
    first = issued()
    answer = administrator.post(address("rotate", first), {"overlap": "24"})
    second = answer.context["issued"].key
    assert keys.known(first.key)
    assert keys.known(second)
    first.row.refresh_from_db()
    assert first.row.expires_at - timezone.now() <= timedelta(days=1)
    again = administrator.post(address("rotate", first), {"overlap": "24"}, follow=True)
    assert "has a newer key" in text_of(again)
    assert ApiKey.objects.count() == 2


def test_a_key_is_revoked_and_the_others_of_its_service_are_not(administrator):
    first, second = issued(), issued()
    assert "This cannot be taken back" in text_of(administrator.get(address("revoke", first)))
    administrator.post(address("revoke", first))
    assert keys.known(first.key) is None
    assert keys.known(second.key)
    assert administrator.post(address("revoke", first)).status_code == 404
    assert LogEntry.objects.get().change_message.startswith("revoked the key ork_")


def test_the_list_says_how_each_stands(administrator):
    issued("a")
    keys.revoke("a", tenant="default")
    issued("b", expires_at=timezone.now() - timedelta(hours=1))
    keys.known(issued("c").key)
    assert [line.key.name for line in administrator.get(KEYS).context["lines"]] == ["c"]
    everything = administrator.get(f"{KEYS}?show=all").context["lines"]
    assert {line.key.name: line.stands for line in everything} == {"a": "revoked", "b": "expired", "c": "live"}


def test_who_may_only_see_keys_changes_none(someone):
    key, viewer = issued(), someone("view_apikey")
    assert viewer.get(KEYS).status_code == 200
    assert "A new key" not in text_of(viewer.get(KEYS))
    for page in (NEW, address("rotate", key), address("revoke", key)):
        assert viewer.get(page).status_code == 403
        assert viewer.post(page, {**ASKED, "overlap": "0"}).status_code == 403
    assert keys.known(key.key)
    assert ApiKey.objects.count() == 1


def test_who_operates_sees_no_keys(operator):
    assert operator.get(KEYS).status_code == 403
    assert KEYS not in operator.get(reverse("admin:sagas_saga_changelist")).content.decode()


def test_keys_of_other_tenants_are_not_there(administrator, django_user_model):
    theirs = issued("theirs", tenant="theirs")
    assert "theirs" not in text_of(administrator.get(f"{KEYS}?show=all"))
    for deed in ("rotate", "revoke"):
        assert administrator.post(address(deed, theirs), {"overlap": "0"}).status_code == 404
    Membership.objects.create(user=django_user_model.objects.get(username="ann"), tenant="theirs")
    assert "theirs" in text_of(administrator.get(KEYS))


def test_a_name_is_text(administrator):
    page = administrator.post(NEW, {**ASKED, "name": RUDE}).content.decode()
    page += administrator.get(KEYS).content.decode()
    assert "<script>alert" not in page
    assert "&lt;script&gt;alert" in page
