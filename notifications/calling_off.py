"""Calling off a message that may be on its way already: the truth about it, and a correction where it is too late."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any
from uuid import UUID

from django.db import transaction

from gateway.callers import Caller
from notifications import operations
from notifications.dispatch import ring_after_commit
from notifications.forgetting import note_addressees
from notifications.lifecycle import WAITING, Status
from notifications.models import Event, Notification
from notifications.operations import NotAllowed, Wanted
from notifications.row import locked
from notifications.verdict import IN_DOUBT


class UnderWay(Exception):
    """A worker is sending it at this moment, and what comes of that is known in a moment."""


class Arrived(StrEnum):
    """Whether its receiver has it."""

    NO = "no"
    PERHAPS = "perhaps"
    YES = "yes"


@dataclass(frozen=True, kw_only=True)
class Correction:
    """What is said to the same receiver when the message cannot be taken back any more."""

    content: Mapping[str, Any] = field(default_factory=dict)
    template: str = ""
    data: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class CalledOff:
    """What became of it; without a notification nothing had been accepted, and nothing will be."""

    arrived: Arrived = Arrived.NO
    notification: Notification | None = None
    correction: Notification | None = None


def call_off(caller: Caller, pk: UUID, reason: str = "", correction: Correction | None = None) -> CalledOff:
    """Cancel what was not sent yet; send the correction after what was, or may have been, in one transaction.

    Raises `Notification.DoesNotExist`, `Unacceptable` for a correction that nobody could send, `UnderWay`, and
    `NotAllowed` when it is too late and there is no correction.
    """
    with transaction.atomic():
        notification = locked(Notification.objects.of(caller.tenant).filter(pk=pk))
        if notification is None:
            raise Notification.DoesNotExist(pk)
        # Drafted in any case: whoever asks hears what is wrong with it, and not only when it is needed.
        letter = None if correction is None else operations.draft(caller, _wanted(notification, correction))
        if notification.status == Status.SENDING:
            raise UnderWay
        waited = notification.status in WAITING
        if waited:
            notification = operations.cancel(caller, pk, reason)
        arrived = _arrived(notification)
        if arrived is Arrived.NO or (waited and letter is None):
            return CalledOff(arrived=arrived, notification=notification)
        if letter is None:
            sentence = f"It is {notification.status}, so it is too late to cancel; a correction can be sent after it."
            raise NotAllowed(sentence, operations.allowed(notification))
        return CalledOff(
            arrived=arrived, notification=notification, correction=_sent_after(caller, notification, letter)
        )


def _wanted(notification: Notification, correction: Correction) -> Wanted:
    return Wanted(
        receiver=notification.receiver,
        content=correction.content,
        template=correction.template,
        data=correction.data,
        channels=notification.channels,
        category=notification.category,
        priority=next(name for name, rank in operations.PRIORITIES.items() if rank == notification.rank),
        metadata=notification.metadata,
        sandbox=notification.sandbox,
    )


def _arrived(notification: Notification) -> Arrived:
    if notification.status in (Status.SENT, Status.DELIVERED):
        return Arrived.YES
    if notification.fanned_out or notification.attempts.filter(result__in=IN_DOUBT).exists():
        return Arrived.PERHAPS
    return Arrived.NO


def _sent_after(caller: Caller, notification: Notification, letter: Notification) -> Notification:
    letter.traceparent = notification.traceparent
    letter.save(force_insert=True)
    note_addressees([letter])
    ring_after_commit([letter])
    # What has gone out is not tried through the next channel as well.
    Notification.objects.filter(pk=notification.pk).update(escalate_at=None, escalate_after=None)
    Event.objects.create(
        notification=notification, kind="corrected", detail=str(letter.pk), actor=caller.name, at=notification.now
    )
    return letter
