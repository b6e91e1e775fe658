"""What the doors keep for a while only: answers under idempotency keys, and the sessions of people.

Beat has it done every ten minutes, in transactions of `BATCH` keys, beside everything else that runs.
"""

from importlib import import_module

from django.apps import apps
from django.conf import settings
from django.db import transaction

from gateway import conf
from gateway.borrowing import borrowed
from gateway.models import IdempotencyKey

BATCH = 1000
MOST = 50
"""So many batches at most in one run."""


def prune() -> int:
    """Remove what is over; how many idempotency keys that were."""
    removed = 0
    for _ in range(MOST):
        with borrowed():
            found = _forget_keys()
        removed += found
        if found < BATCH:
            break
    with borrowed():
        _end_sessions()
    return removed


def _forget_keys() -> int:
    """A batch of the oldest; one that a request holds at this moment is left for the next time."""
    with transaction.atomic():
        old = IdempotencyKey.objects.older_than(conf.current().IDEMPOTENCY_KEPT).order_by("created_at")
        pks = list(old.select_for_update(skip_locked=True).values_list("pk", flat=True)[:BATCH])
        IdempotencyKey.objects.filter(pk__in=pks).delete()
    return len(pks)


def _end_sessions() -> None:
    if apps.is_installed("django.contrib.sessions"):
        import_module(settings.SESSION_ENGINE).SessionStore.clear_expired()
