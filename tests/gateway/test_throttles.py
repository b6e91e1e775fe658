"""How many requests a caller may send in a minute."""

import pytest
from django.core.cache import cache
from django.test import Client

from gateway import keys, throttles
from tests.gateway.conftest import KEY
from tests.gateway.doors import VIEW

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def counting(settings, monkeypatch):
    settings.GATEWAY = {"API_KEY": KEY, "RATE": 3, "SCOPES": {"read": (VIEW,)}}
    monkeypatch.setattr(throttles.time, "time", lambda: 1_000_000_019.5)  # nothing here runs into the next minute
    cache.clear()


def asked(key: str) -> int:
    return Client().get("/api/echo/", headers={"Authorization": f"Bearer {key}"}).status_code


def a_key(name: str = "shop", **options) -> str:
    return keys.issue(name, tenant="default", scopes=["read"], **options).key


def test_what_goes_beyond_the_rate_is_told_when_to_come_again():
    key = a_key()
    assert [asked(key) for _ in range(4)] == [200, 200, 200, 429]
    answer = Client().get("/api/echo/", headers={"Authorization": f"Bearer {key}"})
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.headers["Retry-After"] == "1"


def test_callers_are_counted_apart():
    one, two = a_key("one"), a_key("two")
    assert [asked(one) for _ in range(4)][-1] == 429
    assert asked(two) == 200


def test_both_keys_of_a_service_count_together():
    old = a_key()
    new = keys.rotate("shop", tenant="default", overlap=throttles.WINDOW).key
    assert [asked(key) for key in (old, new, old, new)] == [200, 200, 200, 429]


def test_a_key_may_have_a_rate_of_its_own():
    key = a_key(rate=1)
    assert [asked(key), asked(key)] == [200, 429]


def test_the_next_minute_begins_anew(monkeypatch):
    key = a_key(rate=1)
    assert [asked(key), asked(key)] == [200, 429]
    monkeypatch.setattr(throttles.time, "time", lambda: 1_000_000_020.0)
    assert asked(key) == 200


def test_a_cache_that_is_out_stops_nobody(settings, monkeypatch, caplog):
    settings.CACHES = {
        "default": {"BACKEND": "django.core.cache.backends.redis.RedisCache", "LOCATION": "redis://127.0.0.1:1/0"}
    }
    monkeypatch.setattr(throttles, "_closed_until", float("-inf"))
    key = a_key(rate=1)
    assert [asked(key) for _ in range(3)] == [200, 200, 200]
    assert caplog.text.count("The cache does not answer") == 1


def test_processes_that_share_redis_share_the_count(settings, redis):
    settings.CACHES = {"default": {"BACKEND": "django.core.cache.backends.redis.RedisCache", "LOCATION": redis.url}}
    key = a_key(rate=2)
    assert [asked(key) for _ in range(3)] == [200, 200, 429]
