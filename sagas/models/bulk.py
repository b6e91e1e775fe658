from datetime import datetime
from typing import Self

from django.db import models
from django.db.models import Q

from gateway.ids import uuid7


class BulkOperationQuerySet(models.QuerySet["BulkOperation"]):
    def due(self, now: datetime) -> Self:
        """Operations that may go on now, and that nobody is at."""
        return self.filter(state=BulkOperation.State.RUNNING, at__lte=now)


class BulkOperation(models.Model):
    """One verb for many sagas, at a rate: what was chosen, by whom and why.

    `at` is when it goes on: a process that takes it moves that ahead, so that no other one takes it meanwhile.
    """

    class State(models.TextChoices):
        RUNNING = "running"
        PAUSED = "paused"
        CANCELLED = "cancelled"
        DONE = "done"

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    tenant = models.CharField(max_length=64)
    verb = models.CharField(max_length=20)
    arguments = models.JSONField(default=dict)
    selection = models.JSONField(help_text="Which sagas were meant: a filter, or ids.")
    actor = models.CharField(max_length=150)
    reason = models.TextField()
    rate = models.PositiveIntegerField(help_text="Sagas a minute.")
    state = models.CharField(max_length=9, default=State.RUNNING, choices=State.choices)
    created_at = models.DateTimeField()
    at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True, blank=True)

    objects = BulkOperationQuerySet.as_manager()

    class Meta:
        indexes = [
            # The list, newest first.
            models.Index(name="bulk_list", fields=["tenant", "-id"]),
            # What may go on.
            models.Index(name="bulk_due", fields=["at"], condition=Q(state="running")),
        ]

    def __str__(self) -> str:
        return f"{self.verb} by {self.actor}"


class BulkItem(models.Model):
    """One saga of a bulk operation, and what became of it.

    `runs` are the rows that needed a person when the verb was called: it has recovered when all of them have left
    their trouble, and not before.
    """

    class State(models.TextChoices):
        WAITING = "waiting", "not asked yet"
        ASKED = "asked", "the verb was accepted; what comes of it is open"
        RECOVERED = "recovered", "the saga has left the trouble, or is as the verb wants it"
        FAILED_AGAIN = "failed_again", "the verb was accepted, and the trouble is back"
        NOT_ELIGIBLE = "not_eligible", "the verb was refused"
        CANCELLED = "cancelled", "the operation was cancelled before its turn came"

    operation = models.ForeignKey(BulkOperation, on_delete=models.CASCADE, related_name="items", db_index=False)
    saga = models.ForeignKey("sagas.Saga", on_delete=models.CASCADE, related_name="bulk_items")
    runs = models.JSONField(default=list)
    state = models.CharField(max_length=12, default=State.WAITING, choices=State.choices)
    said = models.TextField(blank=True, default="")
    asked_at = models.DateTimeField(null=True, blank=True)
    ended_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [models.UniqueConstraint(name="bulk_item_once", fields=["operation", "saga"])]
        indexes = [
            # Whose turn is next, whose outcome is open, and how many there are of each.
            models.Index(name="bulk_item_state", fields=["operation", "state", "id"]),
        ]

    def __str__(self) -> str:
        return f"{self.saga_id}: {self.state}"

    @property
    def word(self) -> str:
        """Its state in a word or two; `get_state_display` says what that means."""
        return "not asked yet" if self.state == self.State.WAITING else self.state.replace("_", " ")
