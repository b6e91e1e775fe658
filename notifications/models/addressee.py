from django.db import models

from notifications.models.notification import Notification
from notifications.sealed import LENGTH


class Addressee(models.Model):
    """That a notification is for somebody: a hash of an address or an id of its receiver, which is sealed there."""

    notification = models.ForeignKey(Notification, on_delete=models.CASCADE, related_name="addressees")
    tenant = models.CharField(max_length=64)
    mark = models.CharField(max_length=LENGTH)

    class Meta:
        indexes = [
            # An erasure: what was said to this one?
            models.Index(name="addressee_of", fields=["tenant", "mark", "notification"]),
        ]

    def __str__(self) -> str:
        return f"somebody of {self.notification_id}"
