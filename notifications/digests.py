"""Messages that are collected and sent as one.

A message that is to be collected waits, `scheduled`, until the end of its window: the one that those before it for the
same receiver wait for, or a new one. Then whichever of them a worker comes to first makes one notification of all of
them, which goes its way like every other; they are `digested`, and end as it does (`followers`).

They are told in the order in which the database was given them.

That happens in one transaction under the locks of all that are collected, taken in the order of their ids. So a
worker's death costs nothing, and of two workers the second one finds nothing left. What comes while the window ends
waits for the next one.
"""

import hashlib
import json
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import QuerySet

from gateway.doorbell import Rank
from notifications import digest_words
from notifications.conf import conf
from notifications.dispatch import ring_after_commit
from notifications.followers import end_all
from notifications.forgetting import note_addressees
from notifications.lifecycle import Status
from notifications.models import Notification
from notifications.plan import category_of, profile_of
from notifications.reader import reader_of
from notifications.row import locked_all, wait

CHUNK = 1000
"""So many are looked at at once; if there are more, those make the next digest."""


def group_of(notification: Notification) -> str:
    """What it is collected with: the same receiver, channels, category and key, as a hash. Empty: it goes by itself.

    What is urgent is not collected.
    """
    wanted = notification.digest_key or conf().category(notification.category).digest is not None
    return group(notification) if wanted and notification.rank != Rank.FIRST else ""


def group(notification: Notification) -> str:
    """The same, wanted or not."""
    patience = notification.escalate_after
    parts: list[Any] = [
        notification.receiver,
        notification.channels,
        notification.category,
        notification.digest_key,
        notification.sandbox,
        patience.total_seconds() if patience else None,
    ]
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


def collect(notification: Notification, until: datetime, why: str) -> None:
    """Let it wait with the others of its group, under its lock."""
    first = _collected(notification).filter(collected_until__gt=notification.now).order_by("collected_until").first()
    if first is not None and first.collected_until is not None:
        until = min(until, first.collected_until)
    notification.collected_until = until
    notification.save(update_fields=["digest_group", "collected_until"])
    wait(notification, Status.SCHEDULED, until, why)


def gather(notification: Notification) -> None:
    """Make one of all that wait in its group. The caller holds no lock, so nobody waits crosswise."""
    with transaction.atomic():
        found = locked_all(_collected(notification).order_by("pk"), CHUNK)
        over = [one for one in found if one.expires_at is not None and one.expires_at <= one.now]
        end_all(over, Status.EXPIRED, "Its time was over before its digest was made.")
        rest = sorted((one for one in found if one not in over), key=lambda one: (one.created_at, one.pk))
        if len(rest) == 1:
            _let_go(rest[0])
        elif rest:
            _join(rest)


def _let_go(notification: Notification) -> None:
    """One alone is no digest: it goes as it is."""
    notification.digest_group, notification.collected_until = "", None
    notification.save(update_fields=["digest_group", "collected_until"])
    wait(notification, Status.QUEUED, notification.now, "")


def _join(found: list[Notification]) -> None:
    """One that says as many as it may, and the number of the others."""
    first, digest = found[0], category_of(found[0]).digest or conf().digest
    shown, others = found[: digest.most], found[digest.most :]
    if category_of(first).mandatory:  # nothing of that is left out: the others make the next one, at once
        ring_after_commit(others[:1])
        others = []
    reader = reader_of(first.receiver, profile_of(first.tenant, first.receiver))
    content, template, locale = digest_words.said(first.tenant, shown, len(others), digest, reader)
    one = Notification.objects.create(
        tenant=first.tenant,
        caller=first.caller,
        traceparent=first.traceparent,
        receiver=first.receiver,
        content=content,
        template=template,
        locale=locale,
        channels=first.channels,
        category=first.category,
        rank=min(message.rank for message in found),
        sandbox=first.sandbox,
        escalate_after=first.escalate_after,
        expires_at=_last_end(shown),
        digest_key=first.digest_key,
        digest_size=len(shown),
    )
    note_addressees([one])
    Notification.objects.filter(pk__in=[message.pk for message in shown]).update(digest=one)
    end_all(shown, Status.DIGESTED, f"It is one of {len(shown)} in the digest {one.pk}.")
    end_all(others, Status.SKIPPED, f"The digest {one.pk} was full: it says how many more there are, and not this one.")
    ring_after_commit([one])


def _last_end(found: list[Notification]) -> datetime | None:
    """When the last of them is of no use any more; None if one always is."""
    ends = [message.expires_at for message in found if message.expires_at is not None]
    return max(ends) if len(ends) == len(found) else None


def _collected(notification: Notification) -> "QuerySet[Notification]":
    """Those of its group that wait for the end of their window."""
    return Notification.objects.exclude(digest_group="").filter(
        tenant=notification.tenant,
        digest_group=notification.digest_group,
        status=Status.SCHEDULED,
        collected_until__isnull=False,
    )
