from datetime import timedelta
from typing import ClassVar

from django.db import models
from django.db.models.functions import Now

KEY_LENGTH = 255


class Kind(models.TextChoices):
    ACTION = "action"
    """The key of an action: its row says that it happened or, with `closed_by`, that it must not happen any more."""

    COMPENSATION = "compensation"
    """The key of a compensation that was heard, whether or not there was anything to undo."""


class BarrierQuerySet(models.QuerySet["Barrier"]):
    def older_than(self, age: timedelta) -> "BarrierQuerySet":
        """Rows entered longer ago than `age`. Delete them only when no saga of that age can be live any more."""
        return self.filter(at__lt=Now() - age)


class Barrier(models.Model):
    """One key that a saga's request carried. The row is written in the transaction of the effect, or not at all."""

    key = models.CharField(max_length=KEY_LENGTH, primary_key=True)
    kind = models.CharField(max_length=12, choices=Kind.choices)
    closed_by = models.CharField(max_length=KEY_LENGTH, blank=True, default="")
    """On an action: the key of the compensation that undid it, or that came first and keeps it out for ever."""
    answer = models.JSONField(null=True, default=None)
    at = models.DateTimeField(db_default=Now())

    objects: ClassVar[BarrierQuerySet] = BarrierQuerySet.as_manager()  # type: ignore[assignment]

    class Meta:
        # Serves `older_than`.
        indexes: ClassVar = [models.Index(fields=["at"], name="saga_participant_barrier_at")]

    def __str__(self) -> str:
        return f"{self.kind} {self.key}"
