from typing import Self

from django.db import models
from django.db.models import Q

from sagas.models.saga import Going
from sagas.words.verdict import Reason

OF_UNDOING = (Reason.COMPENSATION_REFUSED, Reason.COMPENSATION_EXHAUSTED, Reason.COMPENSATION_ABSENT)


class IncidentQuerySet(models.QuerySet["Incident"]):
    def open(self) -> Self:
        """What needs a person now."""
        return self.filter(closed_at=None)


class Incident(models.Model):
    """Something that needs a person: what, why, since when, how often, who looks after it.

    `reason` and `reason_code` are stable, to group by; `sentence` is for reading.
    """

    saga = models.ForeignKey("sagas.Saga", on_delete=models.CASCADE, related_name="incidents")
    run = models.ForeignKey("sagas.Run", null=True, blank=True, on_delete=models.CASCADE, related_name="incidents")
    tenant = models.CharField(max_length=64)
    definition = models.CharField(max_length=63)
    path = models.CharField(max_length=80, blank=True, default="")
    item = models.PositiveIntegerField(default=0)
    direction = models.CharField(max_length=7, choices=Going.choices)
    reason = models.CharField(max_length=30, choices=[(r.value, r.value) for r in Reason])
    reason_code = models.CharField(max_length=100)
    sentence = models.TextField()
    times = models.PositiveIntegerField(default=1)
    owner = models.CharField(max_length=150, blank=True, default="")
    opened_at = models.DateTimeField()
    last_at = models.DateTimeField()
    retried_at = models.DateTimeField(null=True, blank=True)
    closed_at = models.DateTimeField(null=True, blank=True)
    closed_as = models.CharField(max_length=20, blank=True, default="")

    objects = IncidentQuerySet.as_manager()

    class Meta:
        ordering = ["-last_at"]
        constraints = [
            # A new occurrence of an open one counts up.
            models.UniqueConstraint(
                name="incident_once",
                fields=["saga", "path", "item", "direction", "reason"],
                condition=Q(closed_at=None),
            ),
        ]
        indexes = [
            # What needs a person, newest first; later grouped by definition, step and reason code.
            models.Index(name="incident_open", fields=["tenant", "-last_at"], condition=Q(closed_at=None)),
            # The troubles of the last day, over or not.
            models.Index(name="incident_lately", fields=["tenant", "-opened_at"]),
            # The groups of all tenants, for alerts.
            models.Index(
                name="incident_groups",
                fields=["tenant", "definition", "path", "reason_code", "opened_at"],
                condition=Q(closed_at=None),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.reason} at {self.path}"

    @property
    def where(self) -> str:
        """What needs a person, in words: "charge", "pick[3]", "undoing charge", or "the saga"."""
        name = f"{self.path}[{self.item}]" if self.item else self.path
        return f"undoing {name}" if name and self.reason in OF_UNDOING else name or "the saga"


class IncidentGroup(models.Model):
    """What people have said about all open incidents of one definition, step and reason code.

    A group is there as soon as there are incidents; this row is, once somebody has looked after it.
    """

    tenant = models.CharField(max_length=64)
    definition = models.CharField(max_length=63)
    path = models.CharField(max_length=80, blank=True, default="")
    reason_code = models.CharField(max_length=100)
    owner = models.CharField(max_length=150, blank=True, default="")
    note = models.TextField(blank=True, default="")
    muted_until = models.DateTimeField(null=True, blank=True)
    changed_by = models.CharField(max_length=150)
    changed_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(name="incident_group_once", fields=["tenant", "definition", "path", "reason_code"]),
        ]

    def __str__(self) -> str:
        return f"{self.definition} {self.path} {self.reason_code}"
