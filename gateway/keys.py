"""API keys of services: issued, known, rotated and revoked.

A key is shown once, when it is issued. It has 256 random bits, so its plain SHA-256 keeps it safe in the table, and one
look by that digest finds it. Each process remembers what it found for `REMEMBERED`: a key that was revoked elsewhere
opens doors for at most so long, and a request with a known key asks the database nothing.
"""

import hashlib
import secrets
import time
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.utils import timezone

from gateway import conf
from gateway.models import ApiKey

BEGINNING = "ork_"
"""What every key begins with, so that scanners for leaked secrets can tell one."""
SHOWN = 12
REMEMBERED = timedelta(seconds=5)
USED_EVERY = timedelta(minutes=1)
"""That a key is in use is written down at most so often."""
MOST_REMEMBERED = 10_000

_remembered: dict[str, tuple[float, ApiKey]] = {}


@dataclass(frozen=True, kw_only=True, slots=True)
class Issued:
    """A new key, in clear for the only time, and its row."""

    key: str
    row: ApiKey


class Refused(ValueError):
    """A key that is not made; the sentence says why, and what to do instead."""


def create(name: str, *, tenant: str, scopes: Collection[str], **more: Any) -> Issued:
    """The first key of a service, as `issue` makes it. Raises `Refused` for what no key can be."""
    known = {conf.ADMIN, *conf.current().SCOPES}
    if unknown := sorted(set(scopes) - known):
        raise Refused(f"There is no scope {unknown[0]!r}; there are: {', '.join(sorted(known))}.")
    if not 0 < len(name) <= 100 or not 0 < len(tenant) <= 64:
        raise Refused("A name has 1 to 100 characters, a tenant 1 to 64.")
    if more.get("rate") is not None and not 0 < more["rate"] < 2**31:
        raise Refused("A rate is a number of requests a minute, from 1 on.")
    if ApiKey.objects.of_name(tenant, name).live(timezone.now()).exists():
        raise Refused(f"{name!r} has a live key already; rotate it, or revoke it first.")
    return issue(name, tenant=tenant, scopes=scopes, **more)


def issue(
    name: str,
    *,
    tenant: str,
    scopes: Collection[str],
    definitions: Collection[str] | None = None,
    expires_at: datetime | None = None,
    rate: int | None = None,
) -> Issued:
    """A new key of a service. `definitions` are the sagas that it holds for, None for all; `rate` is a minute's."""
    key = BEGINNING + secrets.token_urlsafe(32)
    row = ApiKey.objects.create(
        tenant=tenant,
        name=name,
        prefix=key[:SHOWN],
        digest=_digest(key),
        scopes=sorted(scopes),
        definitions=None if definitions is None else sorted(definitions),
        expires_at=expires_at,
        rate=rate,
    )
    return Issued(key=key, row=row)


def rotate(name: str, *, tenant: str, overlap: timedelta) -> Issued:
    """A new key that opens what the service's newest one does; that one goes on for the overlap, older ones end now.

    Raises `LookupError` when the service has no live key.
    """
    now = timezone.now()
    with transaction.atomic():
        live = list(ApiKey.objects.of_name(tenant, name).live(now).order_by("-id").select_for_update())
        if not live:
            raise LookupError(f"{name!r} of {tenant!r} has no live key; create one.")
        newest, *older = live
        ApiKey.objects.filter(pk__in=[row.pk for row in older]).update(revoked_at=now)
        end = now + overlap
        if newest.expires_at is None or newest.expires_at > end:
            ApiKey.objects.filter(pk=newest.pk).update(expires_at=end)
        lifetime = None if newest.expires_at is None else now + (newest.expires_at - newest.created_at)
        issued = issue(
            name,
            tenant=tenant,
            scopes=newest.scopes,
            definitions=newest.definitions,
            expires_at=lifetime,
            rate=newest.rate,
        )
    _remembered.clear()
    return issued


def revoke(which: str, *, tenant: str) -> int:
    """End the live keys of a service, or the one that begins so; returns how many that were."""
    now = timezone.now()
    live = ApiKey.objects.filter(tenant=tenant).live(now)
    found = live.filter(prefix=which[:SHOWN]) if which.startswith(BEGINNING) else live.filter(name=which)
    ended = found.update(revoked_at=now)
    _remembered.clear()
    return ended


def known(key: str) -> ApiKey | None:
    """The row of a key that opens doors now; None for any other text."""
    now, digest = timezone.now(), _digest(key)
    since, row = _remembered.get(digest, (float("-inf"), None))
    if row is None or time.monotonic() - since > REMEMBERED.total_seconds():
        row = _found(digest, now)
    return row if row is not None and row.opens(now) else None


def _found(digest: str, now: datetime) -> ApiKey | None:
    row = ApiKey.objects.filter(digest=digest).first()
    if row is None:
        return None
    if len(_remembered) >= MOST_REMEMBERED:
        _remembered.clear()
    _remembered[digest] = time.monotonic(), row
    if row.opens(now) and (row.last_used_at is None or row.last_used_at < now - USED_EVERY):
        ApiKey.objects.filter(pk=row.pk).update(last_used_at=now)
        row.last_used_at = now
    return row


def _digest(key: str) -> str:
    return hashlib.sha256(key.encode()).hexdigest()
