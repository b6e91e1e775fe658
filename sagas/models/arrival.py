"""Events that came from outside: each is known by its source and id, so that it counts once."""

from datetime import datetime
from typing import Self

from django.db import models
from django.db.models import Q


class InboxQuerySet(models.QuerySet["InboxEvent"]):
    def waiting(self, now: datetime) -> Self:
        """Events for sagas that were not there yet, and that are to be looked at again now."""
        return self.filter(state=InboxEvent.State.WAITING, due_at__lte=now).order_by("due_at")

    def parked(self) -> Self:
        """What a person must look at, the newest first."""
        return self.filter(state=InboxEvent.State.PARKED).order_by("-id")


class InboxEvent(models.Model):
    """One event that a source brought.

    `body` and what it `carried` beside it are kept until it is done, so that it can be replayed, and sealed: see
    `sagas.events.keeping`.
    """

    class State(models.TextChoices):
        TAKEN = "taken", "begun; whoever began it may have died of it"
        DONE = "done", "it has started or signalled what it should"
        WAITING = "waiting", "for a saga that has not begun yet, until `until`"
        PARKED = "parked", "a person must look at it"
        DROPPED = "dropped", "a person said that it need not be done"

    source = models.CharField(max_length=63)
    origin = models.CharField(max_length=255)
    event_id = models.CharField(max_length=255)
    type = models.CharField(max_length=100, blank=True, default="")
    tenant = models.CharField(max_length=64)
    state = models.CharField(max_length=8, default=State.TAKEN, choices=State.choices)
    reason = models.CharField(max_length=500, blank=True, default="")
    body = models.BinaryField(default=bytes)
    carried = models.JSONField(default=dict)
    saga = models.UUIDField(null=True, blank=True)
    tries = models.PositiveSmallIntegerField(default=0)
    at = models.DateTimeField()
    due_at = models.DateTimeField(null=True, blank=True)
    until = models.DateTimeField(null=True, blank=True)
    ended_at = models.DateTimeField(null=True, blank=True)

    objects = InboxQuerySet.as_manager()

    class Meta:
        constraints = [models.UniqueConstraint(name="inbox_once", fields=["source", "origin", "event_id"])]
        indexes = [
            # Whose saga may have begun meanwhile?
            models.Index(name="inbox_waiting", fields=["due_at"], condition=Q(state="waiting")),
            # How much waits from each source, and since when?
            models.Index(name="inbox_waiting_at", fields=["source", "at"], condition=Q(state="waiting")),
            # What a person must look at; how much of it is there from each source?
            models.Index(name="inbox_parked", fields=["tenant", "-id"], condition=Q(state="parked")),
            models.Index(name="inbox_parked_at", fields=["source", "id"], condition=Q(state="parked")),
            # What can be forgotten.
            models.Index(name="inbox_ended", fields=["ended_at"], condition=Q(state__in=["done", "dropped"])),
        ]

    def __str__(self) -> str:
        return f"{self.type or 'something'} {self.event_id} from {self.source}"
