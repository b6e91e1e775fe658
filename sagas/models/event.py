"""Events that are to leave, one row for each event and target, written in the transaction that decided them."""

from datetime import datetime
from typing import Any, Self
from uuid import UUID

from django.db import models
from django.db.models import Q


class OutboxQuerySet(models.QuerySet["OutboxEvent"]):
    def waiting(self, target: str) -> Self:
        """What is to be sent there, in the order in which it happened."""
        return self.filter(target=target, state=OutboxEvent.State.WAITING).order_by("id")

    def retrying(self, target: str) -> Self:
        """What was tried and is to be tried again, the next one first."""
        return self.filter(target=target, state=OutboxEvent.State.RETRYING).order_by("due_at")

    def parked(self) -> Self:
        """What a person must look at, the newest first."""
        return self.filter(state=OutboxEvent.State.PARKED).order_by("-id")

    def of_saga(self, saga: UUID) -> Self:
        """All that a saga has told, in order."""
        return self.filter(saga=saga).order_by("id")


class OutboxEvent(models.Model):
    """One event for one target. Those of a saga leave in the order of their ids.

    `document` is the CloudEvent but for its time, which is `at`. `saga` is no foreign key: what has not left yet
    outlives its saga. `log` has the last tries at a webhook.
    """

    class State(models.TextChoices):
        WAITING = "waiting", "to be sent"
        HELD = "held", "behind one of its saga that is in trouble"
        RETRYING = "retrying", "tried, and tried again at `due_at`"
        PARKED = "parked", "a person must look at it"
        SENT = "sent", "the target has it"
        DROPPED = "dropped", "a person said that it need not be sent"

    saga = models.UUIDField()
    rev = models.BigIntegerField()
    number = models.PositiveSmallIntegerField()
    target = models.CharField(max_length=63, blank=True)
    tenant = models.CharField(max_length=64)
    type = models.CharField(max_length=100)
    document = models.JSONField()
    at = models.DateTimeField()
    state = models.CharField(max_length=8, default=State.WAITING, choices=State.choices)
    tries = models.PositiveSmallIntegerField(default=0)
    due_at = models.DateTimeField(null=True, blank=True)
    error = models.CharField(max_length=300, blank=True, default="")
    ended_at = models.DateTimeField(null=True, blank=True)
    log = models.JSONField(default=list)

    objects = OutboxQuerySet.as_manager()

    class Meta:
        indexes = [
            # The publisher's question: what is next?
            models.Index(name="outbox_waiting", fields=["target", "id"], condition=Q(state="waiting")),
            # The publisher's second: whose pause is over?
            models.Index(name="outbox_retrying", fields=["target", "due_at"], condition=Q(state="retrying")),
            # What was set aside, to see whether it still has to be.
            models.Index(name="outbox_held", fields=["target", "id"], condition=Q(state="held")),
            # Who of these sagas is in trouble, who waits behind it; and what has a saga told?
            models.Index(name="outbox_of_saga", fields=["saga", "id"]),
            # What a person must look at; how much of it is there for each target?
            models.Index(name="outbox_parked", fields=["tenant", "-id"], condition=Q(state="parked")),
            models.Index(name="outbox_parked_at", fields=["target", "id"], condition=Q(state="parked")),
            # What can be forgotten.
            models.Index(name="outbox_ended", fields=["ended_at"], condition=Q(state__in=["sent", "dropped"])),
        ]

    def __str__(self) -> str:
        return f"{self.type} {self.event_id} for {self.target}"

    @property
    def event_id(self) -> str:
        """The event's own id, the same for every target and on every try."""
        return str(self.document["id"])

    def cloud_event(self) -> dict[str, Any]:
        """The event as it is sent."""
        return {**self.document, "time": self.at.isoformat()}


class EventLane(models.Model):
    """A target of events, and who sends to it: one process at a time, so that order is kept.

    `resume_at` is when it is tried again after it could not be reached, and `error` why it could not.
    """

    name = models.CharField(max_length=63, primary_key=True)
    holder = models.UUIDField(null=True, blank=True)
    held_until = models.DateTimeField(null=True, blank=True)
    failures = models.PositiveIntegerField(default=0)
    resume_at = models.DateTimeField(null=True, blank=True)
    error = models.CharField(max_length=300, blank=True, default="")
    failing_since = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        return self.name

    def pauses(self, now: datetime) -> bool:
        """Is it left alone for a while?"""
        return self.resume_at is not None and self.resume_at > now
