"""Telling people of trouble: beside the sweep, in a thread of its own, so that nothing waits for it; and by beat.

    1. look   what is found is held against what was told (`sagas.words.alerts`); what is to be told is written in the
              transaction that moves the episode, so that of any number of sweeps one writes it
    2. send   each message: one POST to the notification service, outside every transaction, under a key of its own;
              until it is taken

Without a service in the settings (`SAGAS["ALERTS"]["url"]`), messages go into the log.
"""

import json
import logging
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import Exists, OuterRef, Q, QuerySet

from gateway import calls
from gateway.borrowing import borrowed
from gateway.pauses import doubling
from sagas.conf import conf
from sagas.engine.troubles import Found, Name, last_look, troubles
from sagas.models import Alert, AlertMessage, Sweep
from sagas.record import clock
from sagas.words import boundaries
from sagas.words.alerts import Episode, Policy, What, to_tell

logger = logging.getLogger(__name__)

EVERY = timedelta(seconds=10)
AT_ONCE = 20
LEASE = timedelta(seconds=30)
"""How long a try may take before another process tries; longer than a call may last."""
PATIENCE = timedelta(seconds=5)
FIRST_PAUSE, LONGEST_PAUSE = timedelta(seconds=5), timedelta(minutes=15)
LONGEST_ANSWER = 150
TRIES = 200
"""About two days."""
HEADINGS = {
    What.NEW: "Needs a person: {title}",
    What.MANY: "Many: {title}",
    What.OLD: "Still open: {title}",
    What.OVER: "It is over: {title}",
}


def alert() -> None:
    """Look, and send what is due; any number of processes may do so at once."""
    look_for_trouble(clock.now())
    send_alerts()


def policy() -> Policy:
    """When people are told, as the settings say it."""
    given = conf().alerts
    return Policy(**{name: given[name] for name in ("cool_down", "many", "window", "old") if name in given})


def look_for_trouble(now: datetime) -> None:
    """Write down what people are to be told; every ten seconds, over all sweeps together."""
    with borrowed():
        before = last_look()
        mine = Sweep.objects.filter(Q(alerted_at=None) | Q(alerted_at__lte=now - EVERY), pk=1)
        if not mine.update(alerted_at=now):
            return
        boundaries.committed("marked")
        found = {each.name: each for each in troubles(now, policy(), before)}
        open_ones = Alert.objects.filter(over_at=None).values_list("tenant", "definition", "path", "reason_code")
        names = {*found, *open_ones}
        known = _known(names)
    for name in sorted(names):
        if list(to_tell(found[name].trouble if name in found else None, known.get(name), now, policy())):
            with borrowed():
                _tell(name, found.get(name), now)


def _known(names: set[Name]) -> dict[Name, Episode]:
    """What was told of them before."""
    if not names:
        return {}
    rows = Alert.objects.filter(reason_code__in={name[3] for name in names})
    return {(row.tenant, row.definition, row.path, row.reason_code): _episode(row) for row in rows}


def _episode(row: Alert) -> Episode:
    return Episode(told=frozenset(row.told), told_at=row.told_at, over_at=row.over_at)


def _tell(name: Name, found: Found | None, now: datetime) -> None:
    """Look again under the row's lock: another sweep may have written it by now."""
    which = dict(zip(("tenant", "definition", "path", "reason_code"), name, strict=True))
    with transaction.atomic():
        Alert.objects.bulk_create(
            [Alert(**which, episode=0, told_at=now - timedelta(days=3650), began_at=now, over_at=now)],
            ignore_conflicts=True,
        )
        alert = Alert.objects.select_for_update().get(**which)
        before = _episode(alert) if alert.episode else None
        for what in to_tell(found.trouble if found else None, before, now, policy()):
            _write(alert, what, found, now)
    boundaries.committed("noted")


def _write(alert: Alert, what: What, found: Found | None, now: datetime) -> None:
    if what is What.NEW:
        alert.episode, alert.told, alert.began_at, alert.over_at = alert.episode + 1, [], now, None
    first = alert.messages.filter(episode=alert.episode, what=What.NEW).first()
    alert.told, alert.told_at = [*alert.told, what], now
    alert.over_at = now if what is What.OVER else None
    alert.save()
    if found is not None:
        title, severity, owner = found.title, found.severity, found.owner
        text = _words(found, alert.tenant)
    elif first is not None:
        title, severity, owner = first.subject.partition(": ")[2], first.severity, first.owner
        text = f"Nothing of it is open any more. It began at {alert.began_at:%Y-%m-%d %H:%M:%S} UTC."
    else:
        return
    AlertMessage.objects.create(
        alert=alert,
        episode=alert.episode,
        what=what,
        severity=severity,
        owner=owner[:150],
        subject=HEADINGS[what].format(title=title)[:200],
        text=text,
        at=now,
    )


def _words(found: Found, tenant: str) -> str:
    trouble, lines = found.trouble, []
    if tenant:
        lines.append(f"{trouble.count} open, the first since {trouble.since:%Y-%m-%d %H:%M:%S} UTC.")
        lines.append(f"{trouble.lately} of them are new.")
    else:
        lines.append(f"Since {trouble.since:%Y-%m-%d %H:%M:%S} UTC.")
    lines.append(f"{conf().public_url.rstrip('/')}{found.link}")
    lines += [f"Runbook: {found.runbook}"] if found.runbook else []
    return "\n".join(lines)


def send_alerts() -> int:
    """Send what is due, in the order of each trouble; returns how many were taken."""
    with borrowed():
        # What must wait for an earlier one of its trouble takes no other trouble's place.
        due = AlertMessage.objects.due(clock.now()).filter(~Exists(_earlier(OuterRef("alert"), OuterRef("pk"))))
        messages = list(due.select_related("alert").order_by("id")[:AT_ONCE])
    return sum(_send(message) for message in messages if _taken(message))


def _earlier(alert: int | OuterRef, pk: int | OuterRef) -> QuerySet[AlertMessage]:
    """What of that trouble was to be told before, and has not been."""
    return AlertMessage.objects.filter(alert=alert, pk__lt=pk, done_at=None)


def _taken(message: AlertMessage) -> bool:
    with borrowed():
        now = clock.now()
        if _earlier(message.alert_id, message.pk).exists():
            return False
        mine = AlertMessage.objects.due(now).filter(pk=message.pk, tries=message.tries)
        message.tries += 1
        taken = bool(mine.update(at=now + LEASE, tries=message.tries))
        if taken:
            boundaries.committed("noted")
        return taken


def _send(message: AlertMessage) -> bool:
    boundaries.passed("telling")
    error = _post(message) if conf().alerts.get("url") else _log(message)
    boundaries.passed("told")
    with borrowed():
        now = clock.now()
        over = not error or message.tries >= TRIES
        pause = doubling(message.tries, first=FIRST_PAUSE, longest=LONGEST_PAUSE)
        mine = AlertMessage.objects.filter(pk=message.pk, tries=message.tries)
        if mine.update(error=error[:200], at=now + pause, done_at=now if over else None):
            boundaries.committed("noted")
    if error:
        logger.warning("An alert could not be sent, and is kept: %s (%s)", message.subject, error)
    return not error


def _log(message: AlertMessage) -> str:
    level = logging.INFO if message.what == What.OVER else logging.ERROR
    logger.log(level, "%s\n%s", message.subject, message.text)
    return ""


def _post(message: AlertMessage) -> str:
    """Why it was not taken; empty when it was."""
    given = conf().alerts
    receiver = receiver_of(message, given)
    if receiver is None:
        return _log(message)
    body = {
        "receiver": receiver,
        "content": {"subject": message.subject, "text": message.text},
        **({"category": given["category"]} if given.get("category") else {}),
        "priority": "urgent" if message.severity == "urgent" else "normal",
        "metadata": {"alert": str(message.alert_id), "episode": str(message.episode), "what": message.what},
    }
    headers = {
        "Content-Type": "application/json",
        "Idempotency-Key": f"saga-alert-{message.alert_id}-{message.episode}-{message.what}",
        **({"Authorization": f"Bearer {given['key']}"} if given.get("key") else {}),
    }
    try:
        answer = calls.post(given["url"], json.dumps(body).encode(), headers=headers, patience=PATIENCE)
    except (calls.NotReached, calls.Lost) as failure:
        return str(failure)
    if 200 <= answer.status < 300:
        return ""
    said = answer.body[:LONGEST_ANSWER].decode(errors="replace")
    return f"The notification service answered {answer.status}: {said}"


def receiver_of(message: AlertMessage, given: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """Who is told: the first of the settings' receivers whose owner and severity fit; None if none does."""
    for route in given.get("receivers", ()):
        fits = {"owner": message.owner, "severity": message.severity, "tenant": message.alert.tenant}
        if all(route.get(name, value) == value for name, value in fits.items()):
            receiver: Mapping[str, Any] = route["receiver"]
            return receiver
    return None


def trouble_with_alerts(now: datetime) -> str | None:
    """What keeps people from being told; None when all is well."""
    stuck = AlertMessage.objects.due(now + timedelta(days=1)).exclude(error="").order_by("at").first()
    if stuck is None:
        return None
    return f"alerts cannot be sent: {stuck.error}"
