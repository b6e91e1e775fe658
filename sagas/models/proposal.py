from datetime import datetime
from typing import Self

from django.db import models
from django.db.models import Q

from gateway.ids import uuid7


class ProposalQuerySet(models.QuerySet["Proposal"]):
    def open(self, now: datetime) -> Self:
        """What a second person may still decide."""
        return self.filter(state=Proposal.State.OPEN, expires_at__gt=now)


class Proposal(models.Model):
    """Something that one person asked for and another must approve: a verb on one saga, or on many.

    `decisions` is the saga's counter as the first person saw it; `sagas` are the ids of many. `operation` is the bulk
    operation that came of it.
    """

    class State(models.TextChoices):
        OPEN = "open", "waits for a second person"
        DONE = "done", "approved and done"
        REFUSED = "refused", "refused"
        OUTDATED = "outdated", "approved, and did not fit any more"

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    tenant = models.CharField(max_length=64)
    verb = models.CharField(max_length=20)
    saga = models.ForeignKey("sagas.Saga", null=True, blank=True, on_delete=models.CASCADE, related_name="proposals")
    sagas = models.JSONField(default=list, blank=True)
    definitions = models.JSONField(default=list, help_text="Of which definitions they are.")
    arguments = models.JSONField(default=dict, blank=True)
    selection = models.JSONField(default=dict, blank=True)
    rate = models.PositiveIntegerField(null=True, blank=True)
    decisions = models.IntegerField(null=True, blank=True)
    reason = models.TextField()
    asked_by = models.CharField(max_length=150)
    asked_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    state = models.CharField(max_length=8, default=State.OPEN, choices=State.choices)
    decided_by = models.CharField(max_length=150, blank=True, default="")
    decided_why = models.TextField(blank=True, default="")
    decided_at = models.DateTimeField(null=True, blank=True)
    operation = models.ForeignKey("sagas.BulkOperation", null=True, blank=True, on_delete=models.SET_NULL)

    objects = ProposalQuerySet.as_manager()

    class Meta:
        indexes = [
            # What waits for a second person, the latest first.
            models.Index(name="proposal_open", fields=["tenant", "-id"], condition=Q(state="open")),
            models.Index(name="proposal_list", fields=["tenant", "-id"]),
        ]

    def __str__(self) -> str:
        return f"{self.verb} asked for by {self.asked_by}"

    @property
    def count(self) -> int:
        """How many sagas it means."""
        return 1 if self.saga_id is not None else len(self.sagas)
