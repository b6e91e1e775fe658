from datetime import datetime
from typing import Self

from django.db import models
from django.db.models import Q


class CallbackQuerySet(models.QuerySet["Callback"]):
    def due(self, now: datetime) -> Self:
        """Ends that are to be told now."""
        return self.filter(done_at=None, at__lte=now)


class Callback(models.Model):
    """The end of a saga that somebody wants to be told of, once; `at` is the next try, or until when one is at it."""

    saga = models.OneToOneField("sagas.Saga", on_delete=models.CASCADE, related_name="callback")
    url = models.CharField(max_length=2000)
    tries = models.PositiveSmallIntegerField(default=0)
    at = models.DateTimeField()
    status = models.PositiveSmallIntegerField(null=True, blank=True)
    error = models.CharField(max_length=200, blank=True, default="")
    done_at = models.DateTimeField(null=True, blank=True)

    objects = CallbackQuerySet.as_manager()

    class Meta:
        indexes = [
            # What is to be told now.
            models.Index(name="callback_due", fields=["at"], condition=Q(done_at=None)),
        ]

    def __str__(self) -> str:
        return f"the end of {self.saga_id}"
