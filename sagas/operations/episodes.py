"""Alerts as people look at them: what rang, since when, who was told of it and when, and whether it is over."""

from collections import defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Q

from sagas.conf import conf
from sagas.engine.alerting import policy, receiver_of
from sagas.models import Alert, AlertMessage, IncidentGroup
from sagas.models.alert import AlertQuerySet
from sagas.record import clock

PAGE = 100
"""So many that ring, and so many of those that are over, are shown."""
SAID = {"new": "it began", "many": "it grew", "old": "it grew old", "over": "it is over"}


@dataclass(frozen=True, kw_only=True)
class Told:
    """One message of an episode; `at` is when it was taken, None while it was not."""

    what: str
    to: str
    at: datetime | None
    tries: int
    error: str
    is_lost: bool
    """Whether it was given up; otherwise it is sent until it is taken."""

    @property
    def said(self) -> str:
        """What it says, in words."""
        return SAID.get(self.what, self.what)


@dataclass(frozen=True, kw_only=True)
class Episode:
    """The present or last time that one trouble rang; of the installation itself, `definition` is empty."""

    id: int
    number: int
    definition: str
    path: str
    reason_code: str
    title: str
    severity: str
    owner: str
    began_at: datetime
    over_at: datetime | None
    quiet_until: datetime | None
    """Should it come back before that, nobody is told: the cool-down. None when that has passed, or while it rings."""
    muted_until: datetime | None
    told: list[Told]


def episodes(tenant: str, definitions: Collection[str] | None = None) -> list[Episode]:
    """Those that ring, the latest first, and then the latest that are over; four statements.

    Of `definitions` one may know of, None is all; what is the matter with the installation is everybody's.
    """
    mine = _mine(tenant, definitions)
    alerts = [*mine.ringing().order_by("-id")[:PAGE], *mine.exclude(over_at=None).order_by("-told_at")[:PAGE]]
    messages: dict[int, list[AlertMessage]] = defaultdict(list)
    sent = AlertMessage.objects.filter(alert__in=alerts).select_related("alert").order_by("id")
    for message in sent:
        if message.episode == message.alert.episode:
            messages[message.alert_id].append(message)
    now = clock.now()
    muted = IncidentGroup.objects.filter(tenant=tenant, muted_until__gt=now)
    until = {row[:3]: row[3] for row in muted.values_list("definition", "path", "reason_code", "muted_until")}
    return [_episode(alert, messages[alert.pk], until, now) for alert in alerts]


def ringing(tenant: str, definitions: Collection[str] | None = None) -> int:
    """How many ring; one more than `PAGE` is more than that."""
    return len(_mine(tenant, definitions).ringing().order_by("-id").values_list("pk")[: PAGE + 1])


def _mine(tenant: str, definitions: Collection[str] | None) -> AlertQuerySet:
    of_tenant = Q(tenant=tenant) if definitions is None else Q(tenant=tenant, definition__in=definitions)
    return Alert.objects.filter(of_tenant | Q(tenant=""), episode__gt=0)


def _episode(alert: Alert, messages: list[AlertMessage], muted: Mapping[Any, Any], now: datetime) -> Episode:
    quiet_until = alert.told_at + policy().cool_down
    first = messages[0] if messages else None
    return Episode(
        id=alert.pk,
        number=alert.episode,
        definition=alert.definition,
        path=alert.path,
        reason_code=alert.reason_code,
        title=first.subject.partition(": ")[2] if first else str(alert),
        severity=first.severity if first else "",
        owner=first.owner if first else "",
        began_at=alert.began_at,
        over_at=alert.over_at,
        quiet_until=quiet_until if alert.over_at is not None and quiet_until > now else None,
        muted_until=muted.get((alert.definition, alert.path, alert.reason_code)) if alert.tenant else None,
        told=[_told(message) for message in messages],
    )


def _told(message: AlertMessage) -> Told:
    return Told(
        what=message.what,
        to=_to(message),
        at=message.done_at if not message.error else None,
        tries=message.tries,
        error=message.error,
        is_lost=message.done_at is not None and bool(message.error),
    )


def _to(message: AlertMessage) -> str:
    """Whom the settings name for it today."""
    given = conf().alerts
    receiver = receiver_of(message, given) if given.get("url") else None
    return ", ".join(str(value) for value in receiver.values()) if receiver else "the log"
