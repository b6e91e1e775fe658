from django.db import models
from django.db.models.functions import Now

from notifications.models.notification import Notification
from notifications.sealed import SealedText


class InboxItem(models.Model):
    """A message in a receiver's inbox inside the services' own pages."""

    notification = models.OneToOneField(Notification, on_delete=models.CASCADE, primary_key=True, related_name="item")
    tenant = models.CharField(max_length=64)
    receiver = models.CharField(max_length=200)
    subject = SealedText(blank=True, default="")
    text = SealedText()
    created_at = models.DateTimeField(db_default=Now())
    read_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        indexes = [
            # One receiver's inbox, the newest first.
            models.Index(name="inbox_of_receiver", fields=["tenant", "receiver", "-notification"]),
        ]

    def __str__(self) -> str:
        return f"{self.subject or self.pk} for {self.receiver}"
