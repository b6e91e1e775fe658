from django.db import models
from django.db.models.functions import Now

from notifications.models.notification import Notification


class Event(models.Model):
    """Something that happened to a notification: a move, or what a provider told us. Written once, never changed."""

    notification = models.ForeignKey(Notification, on_delete=models.CASCADE, related_name="events")
    kind = models.CharField(max_length=32, help_text="A status, or what the receiver did: opened, clicked.")
    detail = models.TextField(blank=True, default="")
    actor = models.CharField(max_length=200, blank=True, default="", help_text="Who did it, if it was not a worker.")
    key = models.CharField(
        max_length=320, null=True, blank=True, default=None, help_text="A provider's name and its id of the event."
    )
    at = models.DateTimeField(db_default=Now())

    class Meta:
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(name="event_told_once", fields=["key"]),  # nulls are all different
        ]

    def __str__(self) -> str:
        return f"{self.kind} of {self.notification_id}"
