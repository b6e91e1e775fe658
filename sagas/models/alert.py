from datetime import datetime
from typing import Self

from django.db import models
from django.db.models import Q


class AlertQuerySet(models.QuerySet["Alert"]):
    def ringing(self) -> Self:
        """Troubles whose episode is not over."""
        return self.filter(over_at=None)


class Alert(models.Model):
    """What people were told of one trouble: a group of incidents, or something about the installation itself.

    One row for each, with its present or last episode: `told` is what was told of it, `over_at` when it ended. Of the
    installation, tenant and definition are empty, `path` says what it is about.
    """

    tenant = models.CharField(max_length=64, blank=True)
    definition = models.CharField(max_length=63, blank=True)
    path = models.CharField(max_length=150, blank=True)
    reason_code = models.CharField(max_length=100)
    episode = models.PositiveIntegerField(default=1)
    told = models.JSONField(default=list)
    told_at = models.DateTimeField()
    began_at = models.DateTimeField()
    over_at = models.DateTimeField(null=True, blank=True)

    objects = AlertQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(name="alert_once", fields=["tenant", "definition", "path", "reason_code"]),
        ]
        indexes = [
            # What may be over by now.
            models.Index(name="alert_open", fields=["id"], condition=Q(over_at=None)),
            # The console's list of what is over, the latest first.
            models.Index(name="alert_told", fields=["-told_at"]),
        ]

    def __str__(self) -> str:
        return f"{self.definition} {self.path} {self.reason_code}".strip()


class AlertMessageQuerySet(models.QuerySet["AlertMessage"]):
    def due(self, now: datetime) -> Self:
        """Messages that are to be sent now."""
        return self.filter(done_at=None, at__lte=now)


class AlertMessage(models.Model):
    """One thing that people are told, once: written with the episode, sent afterwards until somebody takes it.

    `at` is the next try, or until when one is at it. `error` is why the last one failed.
    """

    alert = models.ForeignKey(Alert, on_delete=models.CASCADE, related_name="messages", db_index=False)
    episode = models.PositiveIntegerField()
    what = models.CharField(max_length=4)
    severity = models.CharField(max_length=8)
    owner = models.CharField(max_length=150, blank=True, default="")
    subject = models.CharField(max_length=200)
    text = models.TextField()
    tries = models.PositiveSmallIntegerField(default=0)
    at = models.DateTimeField()
    error = models.CharField(max_length=200, blank=True, default="")
    done_at = models.DateTimeField(null=True, blank=True)

    objects = AlertMessageQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(name="alert_message_once", fields=["alert", "episode", "what"]),
        ]
        indexes = [
            # What is to be sent now.
            models.Index(name="alert_message_due", fields=["at"], condition=Q(done_at=None)),
        ]

    def __str__(self) -> str:
        return self.subject
