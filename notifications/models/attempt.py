from django.db import models
from django.db.models.functions import Now

from notifications.models.delivery import Delivery
from notifications.models.notification import Notification
from notifications.verdict import Result


class Attempt(models.Model):
    """One try to send a notification through one provider. It has no result while it is under way."""

    notification = models.ForeignKey(
        Notification, on_delete=models.CASCADE, related_name="attempts", db_index=False
    )  # the constraint's index serves it
    delivery = models.ForeignKey(Delivery, on_delete=models.CASCADE, related_name="attempts")
    number = models.PositiveIntegerField()
    provider = models.CharField(max_length=63)
    result = models.CharField(max_length=8, blank=True, default="", choices=Result.choices)
    provider_id = models.CharField(max_length=255, blank=True, default="")
    code = models.CharField(max_length=63, blank=True, default="")
    error = models.TextField(blank=True, default="")
    started_at = models.DateTimeField(db_default=Now())
    ended_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["number"]
        constraints = [
            models.UniqueConstraint(name="attempt_once", fields=["notification", "number"]),
        ]
        indexes = [
            # The clean-up: which are old?
            models.Index(name="attempt_ended", fields=["ended_at"], condition=models.Q(ended_at__isnull=False)),
        ]

    def __str__(self) -> str:
        return f"attempt {self.number} of {self.notification_id}"
