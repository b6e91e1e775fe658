"""Claim, record, take back: every move of a notification, each in one short transaction.

claim      what is due becomes this worker's for a lease; the attempt is written down before anything is sent
record     what the attempt came to, and what that means for the notification
take_back  an attempt whose lease is over is one of which nothing more is heard

Times are the database's. Nothing here talks to the outside.
"""

from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from django.db import transaction
from django.db.models import F
from django.db.models.functions import Now

from notifications.conf import conf
from notifications.lifecycle import Status, move
from notifications.models import Attempt, Notification
from notifications.verdict import Again, End, Outcome, Result, judge


@dataclass(frozen=True, kw_only=True)
class Claim:
    """An attempt that is this worker's to make, as long as the notification has seen no later one."""

    notification: Notification
    attempt: Attempt


def claim(pk: UUID) -> Claim | None:
    """Begin an attempt if the notification is due. None: another worker got there first, or there is nothing to do."""
    with transaction.atomic():
        taken = (
            Notification.objects.due()
            .filter(pk=pk)
            .update(
                status=Status.SENDING,
                tries=F("tries") + 1,
                due_at=None,
                rung_at=None,
                lease_until=Now() + conf().lease,
                updated_at=Now(),
            )
        )
        if not taken:
            return None
        notification = Notification.objects.get(pk=pk)
        attempt = Attempt.objects.create(
            notification=notification, number=notification.tries, channel=notification.channel
        )
    return Claim(notification=notification, attempt=attempt)


def record(held: Claim, outcome: Outcome) -> Status:
    """Write down what the attempt came to and what follows; returns where the notification stands then.

    Safe to repeat. A worker that was given up on can still tell that its attempt had succeeded, and that counts;
    otherwise it changes nothing any more.
    """
    with transaction.atomic():
        notification = _locked(held.notification.pk)
        attempt = Attempt.objects.get(pk=held.attempt.pk)
        if notification.tries == attempt.number and notification.status == Status.SENDING:
            _write(notification, attempt, outcome)
            _decide(notification)
        elif outcome.result == Result.SENT and attempt.result != Result.SENT:
            _write(notification, attempt, outcome)
            # Who is sending now finds this attempt when it records.
            if notification.status not in (Status.SENDING, Status.SENT):
                _decide(notification)
        return Status(notification.status)


def take_back(pk: UUID) -> Status | None:
    """End an attempt whose lease is over. None: its worker, or another sweep, was faster."""
    with transaction.atomic():
        notification = _locked(pk)
        if not Notification.objects.overdue().filter(pk=pk).exists():
            return None
        attempt = Attempt.objects.get(notification=notification, number=notification.tries)
        _write(notification, attempt, Outcome(result=Result.SILENT, error="Its worker was not heard of again."))
        _decide(notification)
        return Status(notification.status)


def _locked(pk: UUID) -> Notification:
    return Notification.objects.select_for_update(no_key=True).get(pk=pk)


def _write(notification: Notification, attempt: Attempt, outcome: Outcome) -> None:
    """Note the outcome on both rows; the notification shows its latest."""
    notification.error, notification.provider_id = outcome.error, outcome.provider_id
    Attempt.objects.filter(pk=attempt.pk).update(
        result=outcome.result,
        code=outcome.code,
        error=outcome.error,
        provider_id=outcome.provider_id,
        ended_at=Now(),
    )


def _decide(notification: Notification) -> None:
    results = [
        Result(result)
        for result in notification.attempts.exclude(result="").order_by("number").values_list("result", flat=True)
    ]
    match judge(results, conf()):
        case End(status):
            move(notification, status)
            due_in = None
        case Again(pause):
            move(notification, Status.QUEUED)
            due_in = pause
    _store(notification, due_in)


def _store(notification: Notification, due_in: timedelta | None) -> None:
    Notification.objects.filter(pk=notification.pk).update(
        status=notification.status,
        provider_id=notification.provider_id,
        error=notification.error,
        due_at=None if due_in is None else Now() + due_in,
        lease_until=None,
        ended_at=Now() if due_in is None else None,
        updated_at=Now(),
    )
