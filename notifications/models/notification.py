from datetime import datetime
from typing import TYPE_CHECKING, Self

from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from gateway.doorbell import Rank
from gateway.ids import uuid7
from notifications.lifecycle import LONGEST, WAITING, Status
from notifications.masking import masked_receiver
from notifications.sealed import SealedJSON, SealedText


class NotificationQuerySet(models.QuerySet["Notification"]):
    def of(self, tenant: str) -> Self:
        """The tenant's own; every question from outside begins here."""
        return self.filter(tenant=tenant, about=None)

    def due(self) -> Self:
        """What a worker should look at by now, by the database's clock."""
        return self.filter(status__in=WAITING, due_at__lte=Now())

    def overdue(self) -> Self:
        """What a worker has been sending for longer than its lease, by the database's clock."""
        return self.filter(status=Status.SENDING, lease_until__lte=Now())

    def unheeded(self) -> Self:
        """What was sent, and should have been read by now, by the database's clock."""
        return self.filter(escalate_at__lte=Now(), status__in=(Status.SENT, Status.DELIVERED))


class Notification(models.Model):
    """One thing to be said to one receiver, and what became of it.

    The row is the outbox and the lock: its deliveries, their attempts and its events change under it. `tries` grows
    with every claim and is its fence: a worker whose attempt is not the latest moves nothing any more.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    tenant = models.CharField(max_length=64)
    caller = models.CharField(max_length=200)
    traceparent = models.CharField(max_length=55, blank=True, default="")
    about = models.ForeignKey(
        "self",
        null=True,
        blank=True,
        on_delete=models.CASCADE,
        related_name="callbacks",
        help_text="The notification that this one tells its sender about.",
    )

    part_of = models.ForeignKey(
        "self",
        null=True,
        blank=True,
        on_delete=models.CASCADE,
        related_name="parts",
        help_text="The notification to a topic that this one was made of.",
    )
    fanned_out = models.PositiveIntegerField(default=0, help_text="To so many of its topic's subscribers …")
    fanned_out_to = models.BigIntegerField(default=0, help_text="… up to this one.")

    digest = models.ForeignKey(
        "self",
        null=True,
        blank=True,
        on_delete=models.CASCADE,
        related_name="digested",
        db_index=False,
        help_text="The notification in which this one was said, with others.",
    )
    digest_key = models.CharField(max_length=63, blank=True, default="", help_text="What it is to be collected with.")
    digest_group = models.CharField(
        max_length=64, blank=True, default="", help_text="The same and all else that must fit, as a hash."
    )
    digest_size = models.PositiveIntegerField(default=0, help_text="Of a digest: how many are said in it.")
    collected_until = models.DateTimeField(null=True, blank=True, help_text="The end of the window that it waits for.")

    receiver = SealedJSON()
    content = SealedJSON()
    channels = models.JSONField(null=True, blank=True, help_text="In this order; null is every one that fits.")
    category = models.CharField(max_length=63)
    rank = models.PositiveSmallIntegerField(default=int(Rank.NORMAL))
    sandbox = models.BooleanField(default=False, help_text="Kept instead of sent.")
    template = models.CharField(
        max_length=80, blank=True, default="", help_text="What it was made with: name, version."
    )
    locale = models.CharField(max_length=35, blank=True, default="", help_text="Of the template's texts.")
    data = SealedJSON(null=True, blank=True, help_text="What its template is to say to each of a topic.")
    metadata = models.JSONField(default=dict, blank=True)
    callback_url = SealedText(blank=True, default="")
    expires_at = models.DateTimeField(null=True, blank=True)

    escalate_after = models.DurationField(null=True, blank=True)
    escalate_at = models.DateTimeField(null=True, blank=True, help_text="When it is to have been read.")

    status = models.CharField(max_length=LONGEST, choices=Status.choices, default=Status.ACCEPTED)
    channel = models.CharField(max_length=63, blank=True, default="", help_text="The one that is, or was last, tried.")
    due_at = models.DateTimeField(null=True, blank=True, db_default=Now())
    lease_until = models.DateTimeField(null=True, blank=True)
    tries = models.PositiveIntegerField(default=0)
    rung_at = models.DateTimeField(null=True, blank=True, db_default=Now())

    error = models.TextField(blank=True, default="")
    created_at = models.DateTimeField(db_default=Now(), editable=False)
    updated_at = models.DateTimeField(db_default=Now(), editable=False)
    ended_at = models.DateTimeField(null=True, blank=True)
    forgotten_at = models.DateTimeField(
        null=True, blank=True, help_text="Since when nothing is kept of what it said, and to whom."
    )

    if TYPE_CHECKING:
        now: datetime
        """The database's time when the row was locked."""

    objects = NotificationQuerySet.as_manager()

    class Meta:
        ordering = ["-id"]
        permissions = [("reveal_notification", "Can see addresses and words of a notification")]
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
            # The sweep: what is due, and of that the most urgent?
            models.Index(name="notification_due", fields=["rank", "due_at"], condition=Q(status__in=WAITING)),
            # The sweep: whose lease is over?
            models.Index(name="notification_leased", fields=["lease_until"], condition=Q(status=Status.SENDING)),
            # The sweep: what should have been read by now?
            models.Index(name="notification_unheeded", fields=["escalate_at"], condition=Q(escalate_at__isnull=False)),
            # A digest: what waits with it?
            models.Index(
                name="notification_collected",
                fields=["tenant", "digest_group", "id"],
                condition=Q(status=Status.SCHEDULED) & ~Q(digest_group=""),
            ),
            # What was said in a digest, the newest first?
            models.Index(name="notification_digested", fields=["digest", "-id"], condition=Q(digest__isnull=False)),
            # The clean-up: whose words are to be forgotten, and what is to be removed altogether?
            models.Index(
                name="notification_to_forget",
                fields=["ended_at"],
                condition=Q(forgotten_at__isnull=True, ended_at__isnull=False),
            ),
            models.Index(name="notification_ended", fields=["ended_at"], condition=Q(ended_at__isnull=False)),
            # The API's pages, the newest first.
            models.Index(name="notification_newest", fields=["tenant", "-id"], condition=Q(about=None)),
            # The API's and the console's list by status, the newest first.
            models.Index(name="notification_by_status", fields=["status", "-id"]),
        ]

    def __str__(self) -> str:
        return f"{self.id} to {masked_receiver(self.receiver)}"
