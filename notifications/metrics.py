"""How notifications stand, for `/metrics`; `GATEWAY["METRICS"]` names `figures` by its dotted path.

Numbers are counted by an index, and up to `MOST`. Providers are those that the settings name.
"""

from collections.abc import Iterator

from django.db.models.functions import Now

from gateway.counters import Counter
from gateway.doorbell import Rank
from gateway.figures import Figure
from notifications.conf import conf
from notifications.lifecycle import WAITING, Status
from notifications.models import Notification, ProviderHealth

MOST = 10_000
TOLD = (*WAITING, Status.SENDING, Status.FAILED, Status.BOUNCED, Status.UNKNOWN)

ATTEMPTS = Counter(
    name="notification_attempts_total",
    help="Messages that were given to a provider, by what came of it.",
    labels=("provider", "result"),
)


def figures() -> list[Figure]:
    """Everything that the notification service tells."""
    return [*_queue(), *_providers()]


def _queue() -> Iterator[Figure]:
    found = {(str(status),): Notification.objects.filter(status=status).order_by()[:MOST].count() for status in TOLD}
    yield Figure(
        name="notifications",
        help=f"Notifications in a state that somebody should know of, {MOST} at most.",
        labels=("status",),
        values=found,
    )
    due = Notification.objects.due().annotate(asked_at=Now()).order_by("due_at").values_list("asked_at", "due_at")
    firsts = [due.filter(rank=int(rank)).first() for rank in Rank]  # the index has them by their rank
    ages = [(now - due_at).total_seconds() for now, due_at in filter(None, firsts) if due_at is not None]
    yield Figure(
        name="notifications_due_oldest_seconds",
        help="For how long the first that is to be sent has been due.",
        values={(): max(0.0, *ages)} if ages else {},
        grows=True,
    )


def _providers() -> Iterator[Figure]:
    names = list(conf().providers)
    known = ProviderHealth.objects.filter(pk__in=names)
    left_alone = set(known.filter(open_until__gt=Now()).values_list("pk", flat=True))
    failed = dict(known.values_list("pk", "failures"))
    is_open = {(name,): float(name in left_alone) for name in names}
    failures = {(name,): float(failed.get(name, 0)) for name in names}
    label = ("provider",)
    yield Figure(
        name="notification_provider_open",
        help="Whether a provider is left alone because it failed.",
        labels=label,
        values=is_open,
    )
    yield Figure(name="notification_provider_failures", help="Its failures in a row.", labels=label, values=failures)
