"""The right to be forgotten: nothing that was said to somebody, and no address, is kept anywhere any more.

What stays is what counts need: that something was sent, when, through what, and with which result. It is done in
chunks, each notification under its lock, and goes on until nothing is left; what a worker is sending at this moment
waits for that to be known.
"""

import logging
from collections.abc import Mapping
from uuid import UUID

from django.db import InterfaceError, OperationalError, transaction
from django.db.models import F
from django.db.models.functions import Now

from gateway.borrowing import borrowed
from gateway.callers import Caller
from notifications.forgetting import forget
from notifications.lifecycle import WAITING, Status
from notifications.models import Addressee, Erasure, Notification, Receiver, Subscriber, Suppression
from notifications.row import end_of_unsent, locked, settle
from notifications.sealed import all_marks

logger = logging.getLogger(__name__)

CHUNK = 200
SEALED = ("receiver", "content", "data", "callback_url")
WHY = "Its receiver was erased."


def erase(caller: Caller, receiver: Mapping[str, str], reason: str = "") -> Erasure:
    """Begin to forget a receiver, by its id, by addresses, or both; what is kept under the id goes at once.

    An id leads to the addresses that are kept with it. Safe to repeat: what was said since is forgotten then.
    """
    known = dict(receiver)
    with transaction.atomic():
        if "id" in receiver:
            of_id = {"tenant": caller.tenant, "receiver": receiver["id"]}
            profile = Receiver.objects.filter(tenant=caller.tenant, key=receiver["id"]).first()
            known = {**(profile.addresses if profile else {}), **known}
            Receiver.objects.filter(tenant=caller.tenant, key=receiver["id"]).delete()
            Subscriber.objects.filter(**of_id).delete()
        marks = all_marks(known)
        # A dead address stays one, and so does a no; nobody can read any more whose it was.
        Suppression.objects.filter(tenant=caller.tenant, mark__in=marks).update(address="", detail="")
        return Erasure.objects.create(tenant=caller.tenant, marks=marks, actor=caller.name, reason=reason)


def go_on(pk: UUID) -> bool:
    """Forget up to a chunk of what was said to that receiver. Whether nothing is left."""
    erasure = Erasure.objects.get(pk=pk)
    if erasure.ended_at is not None:
        return True
    mine = Addressee.objects.filter(tenant=erasure.tenant, mark__in=erasure.marks)
    free = mine.exclude(notification__status=Status.SENDING).order_by("notification_id")
    for found in dict.fromkeys(free.values_list("notification_id", flat=True)[:CHUNK]):
        _survive(erasure, found)
    if mine.exists():
        return False
    Erasure.objects.filter(pk=pk, ended_at=None).update(ended_at=Now())
    return True


def go_on_with_all() -> None:
    """The sweep's part: a chunk of each erasure that is not done."""
    with borrowed():
        pks = list(Erasure.objects.filter(ended_at=None).order_by("id").values_list("pk", flat=True)[:CHUNK])
    for pk in pks:
        try:
            with borrowed():
                go_on(pk)
        except Exception:  # one that fails must not stop the others
            logger.exception("The erasure %s could not go on; the next sweep tries it again.", pk)


def _survive(erasure: Erasure, pk: UUID) -> None:
    """One that cannot be forgotten keeps no other from it: it is told, and tried again."""
    try:
        _forget_one(erasure, pk)
    except (OperationalError, InterfaceError):
        raise
    except Exception:
        logger.exception("The erasure %s could not forget notification %s; it is tried again.", erasure.pk, pk)


def _forget_one(erasure: Erasure, pk: UUID) -> None:
    """Its words need not be read for that: they may be sealed under a key that is gone."""
    with transaction.atomic():
        notification = locked(Notification.objects.filter(pk=pk).defer(*SEALED))
        if notification is None or notification.status == Status.SENDING:
            return
        cancelled = notification.status in WAITING
        if cancelled:
            settle(notification, end_of_unsent(notification), WHY)
        forget([pk])
        counts = {"notifications": F("notifications") + 1, "cancelled": F("cancelled") + int(cancelled)}
        Erasure.objects.filter(pk=erasure.pk).update(**counts)
