"""API keys: what they open, for how long, and that looking them up costs nothing twice."""

from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from gateway import keys
from gateway.models import ApiKey
from tests.gateway.conftest import KEY
from tests.gateway.doors import ADD, VIEW

pytestmark = pytest.mark.django_db

DAY = timedelta(days=1)


@pytest.fixture(autouse=True)
def what_scopes_hold(settings) -> None:
    keys._remembered.clear()
    settings.GATEWAY = {"API_KEY": KEY, "SCOPES": {"read": (VIEW,), "write": (ADD,)}}


def a_key(name: str = "shop", **options: object) -> str:
    return keys.issue(name, **{"tenant": "default", "scopes": ["read"], **options}).key


def asked(key: str, method: str = "GET"):
    return Client().generic(method, "/api/echo/", b"{}", "application/json", headers={"Authorization": f"Bearer {key}"})


def test_a_service_is_known_by_its_own_key_and_tenant():
    assert asked(a_key(tenant="acme")).json() == {"caller": "service:shop", "tenant": "acme"}


@pytest.mark.parametrize(
    ("scopes", "may"),
    [([], (403, 403)), (["read"], (200, 403)), (["write"], (403, 200)), (["read", "write"], (200, 200))],
)
def test_a_key_opens_what_its_scopes_name_and_no_more(scopes, may):
    key = a_key(scopes=scopes)
    assert (asked(key).status_code, asked(key, "POST").status_code) == may


def test_the_scope_admin_holds_every_permission_but_what_no_door_gives():
    key = a_key(scopes=["admin"])
    assert (asked(key).status_code, asked(key, "POST").status_code) == (200, 200)
    assert Client().get("/api/unguarded/", headers={"X-API-Key": key}).status_code == 403


def test_a_scope_that_the_settings_lost_opens_nothing():
    assert asked(a_key(scopes=["gone"])).status_code == 403


def test_the_key_is_not_kept():
    key = a_key()
    row = ApiKey.objects.get()
    assert key not in str(ApiKey.objects.values().get())
    assert row.prefix == key[:12]


def test_a_key_that_has_expired_opens_nothing():
    assert asked(a_key(expires_at=timezone.now() - DAY)).status_code == 401


def test_a_key_that_expires_while_it_is_remembered_opens_nothing_more():
    key = a_key(expires_at=timezone.now() + DAY)
    assert asked(key).status_code == 200
    (_, row), *_ = keys._remembered.values()
    row.expires_at = timezone.now() - DAY
    assert asked(key).status_code == 401


def test_a_revoked_key_opens_nothing_and_says_so():
    key = a_key()
    assert asked(key).status_code == 200
    assert keys.revoke("shop", tenant="default") == 1
    answer = asked(key)
    assert (answer.status_code, answer.json()["code"]) == (401, "authentication_failed")


def test_a_key_that_was_revoked_in_another_process_opens_doors_no_longer_than_it_is_remembered(monkeypatch):
    key = a_key()
    assert asked(key).status_code == 200
    ApiKey.objects.update(revoked_at=timezone.now())
    assert asked(key).status_code == 200
    monkeypatch.setattr(keys, "REMEMBERED", timedelta(0))
    assert asked(key).status_code == 401


def test_a_key_is_revoked_by_how_it_begins_and_only_that_one():
    first, second = a_key("one"), a_key("two")
    keys.revoke(first[:12], tenant="default")
    assert (asked(first).status_code, asked(second).status_code) == (401, 200)


def test_nobody_revokes_another_tenants_keys():
    key = a_key(tenant="acme")
    assert keys.revoke("shop", tenant="default") == 0
    assert asked(key).status_code == 200


def test_while_a_key_is_rotated_both_are_the_same_caller():
    old = a_key(tenant="acme", scopes=["read"], definitions=["order"], rate=7)
    new = keys.rotate("shop", tenant="acme", overlap=DAY).key
    assert asked(old).json() == asked(new).json() == {"caller": "service:shop", "tenant": "acme"}
    row = ApiKey.objects.get(prefix=new[:12])
    assert (row.scopes, row.definitions, row.rate) == (["read"], ["order"], 7)


def test_after_the_overlap_only_the_new_key_is_left():
    old = a_key()
    new = keys.rotate("shop", tenant="default", overlap=timedelta(0)).key
    assert (asked(old).status_code, asked(new).status_code) == (401, 200)


def test_no_more_than_two_keys_of_a_service_live():
    first = a_key()
    second = keys.rotate("shop", tenant="default", overlap=DAY).key
    third = keys.rotate("shop", tenant="default", overlap=DAY).key
    assert [asked(key).status_code for key in (first, second, third)] == [401, 200, 200]


def test_a_new_key_lives_as_long_as_the_one_before_did():
    a_key(expires_at=timezone.now() + 30 * DAY)
    row = keys.rotate("shop", tenant="default", overlap=DAY).row
    assert row.expires_at is not None
    assert abs(row.expires_at - timezone.now() - 30 * DAY) < timedelta(minutes=5)


def test_a_service_without_a_live_key_has_none_to_rotate():
    a_key(expires_at=timezone.now() - DAY)
    with pytest.raises(LookupError, match="'shop' of 'default' has no live key"):
        keys.rotate("shop", tenant="default", overlap=DAY)


def test_a_key_that_is_remembered_asks_the_database_nothing(django_assert_num_queries):
    key = a_key()
    keys.known(key)
    with django_assert_num_queries(0):
        assert keys.known(key) is not None


def test_when_a_key_was_used_is_written_once_a_minute(django_assert_num_queries, monkeypatch):
    key = a_key()
    monkeypatch.setattr(keys, "REMEMBERED", timedelta(0))
    with django_assert_num_queries(2):
        keys.known(key)
    used = ApiKey.objects.get().last_used_at
    assert used is not None
    with django_assert_num_queries(1):
        keys.known(key)
    ApiKey.objects.update(last_used_at=used - 2 * keys.USED_EVERY)
    keys.known(key)
    assert ApiKey.objects.get().last_used_at > used - keys.USED_EVERY


def test_only_so_many_keys_are_remembered(monkeypatch):
    monkeypatch.setattr(keys, "MOST_REMEMBERED", 2)
    for number in range(5):
        keys.known(a_key(f"s{number}"))
    assert len(keys._remembered) <= 2
