from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from gateway.ids import uuid7


class Erasure(models.Model):
    """Somebody's wish to be forgotten, and what came of it. Whose it was cannot be read from it."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    tenant = models.CharField(max_length=64)
    marks = models.JSONField(help_text="What the receiver is recognised by.")
    actor = models.CharField(max_length=200)
    reason = models.TextField(blank=True, default="")
    notifications = models.PositiveIntegerField(default=0, help_text="So many were forgotten.")
    cancelled = models.PositiveIntegerField(default=0, help_text="So many of these had not been sent yet.")
    created_at = models.DateTimeField(db_default=Now())
    ended_at = models.DateTimeField(null=True, blank=True, help_text="When nothing was left.")

    class Meta:
        ordering = ["-id"]
        indexes = [
            # The sweep: which are not done?
            models.Index(name="erasure_open", fields=["id"], condition=Q(ended_at=None)),
            # The API's pages, the newest first.
            models.Index(name="erasure_newest", fields=["tenant", "-id"]),
        ]

    def __str__(self) -> str:
        return f"erasure {self.id}"
