from django.db import models
from django.db.models.functions import Now

from notifications.lifecycle import LONGEST, Status
from notifications.masking import masked
from notifications.models.notification import Notification
from notifications.sealed import LENGTH, SealedJSON, SealedText


class Delivery(models.Model):
    """One channel through which a notification is, or was, tried; the next one is made when this one has failed."""

    notification = models.ForeignKey(
        Notification, on_delete=models.CASCADE, related_name="deliveries", db_index=False
    )  # the constraint's index serves it
    channel = models.CharField(max_length=63)
    address = SealedText(blank=True)
    mark = models.CharField(max_length=LENGTH, blank=True, default="", help_text="The address, to be recognised by.")
    status = models.CharField(max_length=LONGEST, choices=Status.choices, default=Status.QUEUED)
    since = models.PositiveIntegerField(default=0, help_text="Attempts up to this one do not count: it was tried anew.")
    provider_id = models.CharField(max_length=255, blank=True, default="")
    passed = models.BooleanField(
        default=False, help_text="It was sent, nobody read it in time, and the next was tried."
    )
    captured = SealedJSON(null=True, blank=True, help_text="What would have been sent, of a sandbox's.")
    created_at = models.DateTimeField(db_default=Now())
    ended_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(name="delivery_once", fields=["notification", "channel"]),
        ]
        indexes = [
            # What is a provider's webhook about?
            models.Index(name="delivery_provider_id", fields=["provider_id"], condition=~models.Q(provider_id="")),
        ]

    def __str__(self) -> str:
        return f"{self.channel} to {masked(self.address)}"
