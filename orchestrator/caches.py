"""From a cache's address to Django's settings for it; callers' requests are counted there."""

from typing import Any

from django.core.exceptions import ImproperlyConfigured

LOCAL = "django.core.cache.backends.locmem.LocMemCache"
REDIS = "django.core.cache.backends.redis.RedisCache"

# A cache that is slow must not slow requests down: it is left alone after a failure.
_PATIENCE = 0.25


def configured(cache_url: str, broker_url: str) -> dict[str, Any]:
    """Django's settings for the cache: Redis at its own address, else the broker's if that is one, else local memory.

    Local memory is of one process: each then counts for itself.
    """
    url = cache_url or (broker_url if broker_url.partition("://")[0] in ("redis", "rediss") else "")
    if not url:
        return {"BACKEND": LOCAL}
    if url.partition("://")[0] not in ("redis", "rediss"):
        raise ImproperlyConfigured(
            f"CACHE_URL names {url.partition(':')[0]}; set it to redis://host:6379/1, or leave it out."
        )
    patience = {"socket_timeout": _PATIENCE, "socket_connect_timeout": _PATIENCE}
    return {"BACKEND": REDIS, "LOCATION": url, "KEY_PREFIX": "orchestrator", "OPTIONS": patience}
