"""The sweep finds what nobody was told about. Any number may run at once.

    1. take back  attempts whose lease is over: their workers are gone
    2. escalate   what nobody has read in time: the next channel is tried
    3. ring       what is due and was not picked up: its message is lost, or its pause is over
    4. forget     what was counted an hour ago, and more of what was said to whoever wants to be forgotten

Candidates are read without locks; each is then handled in a transaction of its own, which looks again.
"""

import logging
from datetime import timedelta
from uuid import UUID

from django.db import transaction
from django.db.models import Q
from django.db.models.functions import Now

from gateway.borrowing import borrowed
from notifications.allowances import forget
from notifications.conf import conf
from notifications.dispatch import ring
from notifications.erasing import go_on_with_all
from notifications.escalation import escalate
from notifications.lifecycle import Status
from notifications.models import Notification, Sweep
from notifications.record import take_back

logger = logging.getLogger(__name__)

BATCH = 200
RINGS = 500
AFTER_A_FAILURE = timedelta(minutes=1)


def sweep() -> None:
    """Take back, escalate, ring and forget, once."""
    with borrowed():
        overdue = list(Notification.objects.overdue().order_by("lease_until").values_list("pk", flat=True)[:BATCH])
        unheeded = list(Notification.objects.unheeded().order_by("escalate_at").values_list("pk", flat=True)[:BATCH])
    for pk in overdue:
        _survive(pk)
    for pk in unheeded:
        _survive_escalating(pk)
    with borrowed():
        due = _mark_as_rung()
        Sweep.objects.update_or_create(pk=1, defaults={"at": Now()})
    ring(due)
    with borrowed():
        forget()
    go_on_with_all()


def outlive_all() -> None:
    """Take every lease for over, at the start of the only process that there is: nobody else is sending anything."""
    Notification.objects.filter(status=Status.SENDING).update(lease_until=Now())


def _survive(pk: UUID) -> None:
    """One poisoned row must not stop the sweep for the others: its lease is pushed on, and its error told."""
    try:
        with borrowed():
            status = take_back(pk)
        if status is not None:
            logger.warning("The worker that was sending notification %s is gone; it is %s now.", pk, status)
    except Exception:
        logger.exception("The sweep could not take back notification %s; it looks again in a minute.", pk)
        with borrowed():
            Notification.objects.overdue().filter(pk=pk).update(lease_until=Now() + AFTER_A_FAILURE)


def _survive_escalating(pk: UUID) -> None:
    """Like it."""
    try:
        with borrowed():
            escalate(pk)
    except Exception:
        logger.exception("The sweep could not escalate notification %s; it looks again in a minute.", pk)
        with borrowed():
            Notification.objects.unheeded().filter(pk=pk).update(escalate_at=Now() + AFTER_A_FAILURE)


def _mark_as_rung() -> list[tuple[UUID, int]]:
    """Choose what to ring for, the most urgent first, so that two sweeps at once do not ring for the same."""
    unheard = Q(rung_at=None) | Q(rung_at__lt=Now() - conf().ring_again_after)
    with transaction.atomic():
        due = Notification.objects.due().filter(unheard).order_by("rank", "due_at")
        chosen = list(due.select_for_update(skip_locked=True, no_key=True).values_list("pk", "rank")[:RINGS])
        Notification.objects.filter(pk__in=[pk for pk, _ in chosen]).update(rung_at=Now())
    return chosen
