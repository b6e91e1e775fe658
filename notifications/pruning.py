"""What is old is forgotten, then removed: words and addresses first, attempts next, the notification last.

How long each is kept after the end is in the settings. It goes in chunks, each a transaction of its own that an index
serves, beside everything else that runs, and may be interrupted at any time.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.db import transaction
from django.db.models import Exists, OuterRef, QuerySet
from django.db.models.functions import Now

from gateway.borrowing import borrowed
from notifications.conf import conf
from notifications.forgetting import forget
from notifications.models import Attempt, Notification

CHUNK = 200
MOST = 50
"""So many chunks of each kind at most in one run of beat's."""


@dataclass(frozen=True, kw_only=True)
class Pruned:
    """How many were, or would be."""

    forgotten: int = 0
    attempts: int = 0
    removed: int = 0


def prune(*, most: int | None = None) -> Pruned:
    """Forget and remove what is old, at most so many chunks of each kind; without a number, all of it."""
    return Pruned(
        forgotten=_in_chunks(old_words(), forget, most),
        attempts=_in_chunks(old_attempts(), lambda pks: Attempt.objects.filter(pk__in=pks).delete(), most),
        removed=_in_chunks(old_notifications(), lambda pks: Notification.objects.filter(pk__in=pks).delete(), most),
    )


def would_prune() -> Pruned:
    """How many there are of each kind now; nothing is changed."""
    return Pruned(forgotten=old_words().count(), attempts=old_attempts().count(), removed=old_notifications().count())


def old_words() -> "QuerySet[Any]":
    """Notifications whose words and addresses are to be forgotten."""
    return _ended_before(conf().keep_contents).filter(forgotten_at__isnull=True)


def old_attempts() -> "QuerySet[Any]":
    """Attempts of notifications that have ended, no later than they did."""
    keep = conf().keep_attempts
    if keep is None:
        return Attempt.objects.none()
    old = Attempt.objects.filter(ended_at__lt=Now() - keep, notification__ended_at__lt=Now() - keep)
    return old.order_by("ended_at")


def old_notifications() -> "QuerySet[Any]":
    """Notifications of which nothing is to be kept; one to a topic stays as long as any that was made of it."""
    parts = Notification.objects.filter(part_of=OuterRef("pk"))
    return _ended_before(conf().keep).filter(~Exists(parts))


def _ended_before(keep: timedelta | None) -> "QuerySet[Any]":
    if keep is None:
        return Notification.objects.none()
    return Notification.objects.filter(ended_at__isnull=False, ended_at__lt=Now() - keep).order_by("ended_at")


def _in_chunks(old: "QuerySet[Any]", act: Callable[[list[Any]], Any], most: int | None) -> int:
    done = chunks = 0
    while most is None or chunks < most:
        with borrowed(), transaction.atomic():
            rows = old.select_for_update(skip_locked=True, of=("self",)).values_list("pk", flat=True)
            pks = list(rows[:CHUNK])
            if pks:
                act(pks)
        done, chunks = done + len(pks), chunks + 1
        if len(pks) < CHUNK:
            break
    return done
