from typing import Self

from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from gateway.ids import uuid7
from notifications.lifecycle import WAITING, Status
from notifications.masking import masked_receiver


class NotificationQuerySet(models.QuerySet["Notification"]):
    def of(self, tenant: str) -> Self:
        """The tenant's own; every question from outside begins here."""
        return self.filter(tenant=tenant)

    def due(self) -> Self:
        """What a worker should send by now, by the database's clock."""
        return self.filter(status__in=WAITING, due_at__lte=Now())

    def overdue(self) -> Self:
        """What a worker has been sending for longer than its lease, by the database's clock."""
        return self.filter(status=Status.SENDING, lease_until__lte=Now())


class Notification(models.Model):
    """One thing to be said to one receiver, and what became of it.

    `tries` grows with every claim and is its fence: a worker whose attempt is not the latest moves nothing any more.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    tenant = models.CharField(max_length=63)
    caller = models.CharField(max_length=200)
    traceparent = models.CharField(max_length=55, blank=True, default="")

    receiver = models.JSONField()
    content = models.JSONField()
    channel = models.CharField(max_length=63)

    status = models.CharField(max_length=8, choices=Status.choices, default=Status.ACCEPTED)
    due_at = models.DateTimeField(null=True, blank=True, db_default=Now())
    lease_until = models.DateTimeField(null=True, blank=True)
    tries = models.PositiveIntegerField(default=0)
    rung_at = models.DateTimeField(null=True, blank=True, db_default=Now())

    provider_id = models.CharField(max_length=255, blank=True, default="")
    error = models.TextField(blank=True, default="")
    created_at = models.DateTimeField(db_default=Now(), editable=False)
    updated_at = models.DateTimeField(db_default=Now(), editable=False)
    ended_at = models.DateTimeField(null=True, blank=True)

    objects = NotificationQuerySet.as_manager()

    class Meta:
        ordering = ["-id"]
        constraints = [
            # What is not ended has a clock: nothing can be forgotten without breaking this.
            models.CheckConstraint(
                name="notification_waiting_is_due",
                condition=Q(status__in=WAITING, due_at__isnull=False) | ~Q(status__in=WAITING) & Q(due_at__isnull=True),
            ),
            models.CheckConstraint(
                name="notification_sending_is_leased",
                condition=Q(status=Status.SENDING, lease_until__isnull=False)
                | ~Q(status=Status.SENDING) & Q(lease_until__isnull=True),
            ),
        ]
        indexes = [
            # The sweep and the claim: what is due?
            models.Index(name="notification_due", fields=["due_at"], condition=Q(status__in=WAITING)),
            # The sweep: whose lease is over?
            models.Index(name="notification_leased", fields=["lease_until"], condition=Q(status=Status.SENDING)),
            # The API's pages, the newest first.
            models.Index(name="notification_newest", fields=["tenant", "-id"]),
            # The console's list by status, the newest first.
            models.Index(name="notification_by_status", fields=["status", "-id"]),
        ]

    def __str__(self) -> str:
        return f"{self.id} to {masked_receiver(self.receiver)}"
