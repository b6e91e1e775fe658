from typing import Self

from django.db import models
from django.db.models import Q


class SignalQuerySet(models.QuerySet["Signal"]):
    def untaken(self) -> Self:
        """What no wait has taken yet, in the order in which it came."""
        return self.filter(taken_by=None, flag="").order_by("id")


class Signal(models.Model):
    """Something the outside told a saga; stored before it is answered, and taken by one wait.

    `dedup_id` is the sender's own id: the same id with the same body (`body_hash`) is the same signal.
    """

    class Flag(models.TextChoices):
        UNEXPECTED = "unexpected", "no row of the table waits for it"
        LATE = "late", "the saga had ended"

    saga = models.ForeignKey("sagas.Saga", on_delete=models.CASCADE, related_name="signals", db_index=False)
    name = models.CharField(max_length=63)
    dedup_id = models.CharField(max_length=255)
    body_hash = models.CharField(max_length=64)
    payload = models.JSONField(null=True)
    sender = models.CharField(max_length=150)
    at = models.DateTimeField()
    flag = models.CharField(max_length=10, blank=True, default="", choices=Flag.choices)
    taken_by = models.ForeignKey("sagas.Run", null=True, blank=True, on_delete=models.SET_NULL, related_name="signals")
    taken_at = models.DateTimeField(null=True, blank=True)

    objects = SignalQuerySet.as_manager()

    class Meta:
        ordering = ["id"]
        constraints = [models.UniqueConstraint(name="signal_once", fields=["saga", "name", "dedup_id"])]
        indexes = [
            # A wait that opens: what came early?
            models.Index(name="signal_untaken", fields=["saga", "name", "id"], condition=Q(taken_by=None, flag="")),
        ]

    def __str__(self) -> str:
        return f"{self.name} for {self.saga_id}"
