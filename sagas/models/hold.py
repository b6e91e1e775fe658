from datetime import datetime, timedelta
from typing import Self

from django.db import models
from django.db.models import Q

LATELY = timedelta(days=1)
"""For so long it is seen to that nothing waits for a hold that has ended."""


class HoldQuerySet(models.QuerySet["Hold"]):
    def open(self) -> Self:
        """Participants that are held, or whose steps are being let go."""
        return self.filter(ended_at=None)

    def in_force(self, now: datetime) -> Self:
        """Participants that no step may call now."""
        return self.open().filter(Q(until=None) | Q(until__gt=now), released_at=None)

    def lately(self, now: datetime) -> Self:
        """Those for which something may wait."""
        return self.filter(Q(ended_at=None) | Q(ended_at__gt=now - LATELY))


class Hold(models.Model):
    """A participant that a tenant's sagas do not call for a while: its steps are parked, and their clocks stand still.

    In force until it is released, or until its time is over. Then what is parked is let go, `rate` steps a second, or
    all at once without one; `let_go_at` is how far that has been used. When nothing is left it has ended. `canaries`
    are sagas that may call the participant all the same: a list of {"saga", "run", "at", "by"}.
    """

    tenant = models.CharField(max_length=64, default="default")
    participant = models.CharField(max_length=63)
    reason = models.TextField()
    held_by = models.CharField(max_length=150)
    held_at = models.DateTimeField()
    until = models.DateTimeField(null=True, blank=True)
    canaries = models.JSONField(default=list, blank=True)
    released_by = models.CharField(max_length=150, blank=True, default="")
    released_at = models.DateTimeField(null=True, blank=True)
    rate = models.PositiveIntegerField(null=True, blank=True, help_text="Steps a second.")
    let_go_at = models.DateTimeField(null=True, blank=True)
    let_go = models.PositiveIntegerField(default=0)
    ended_at = models.DateTimeField(null=True, blank=True)

    objects = HoldQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(name="hold_once", fields=["tenant", "participant"], condition=Q(ended_at=None)),
        ]

    def __str__(self) -> str:
        return f"{self.participant} held by {self.held_by}"

    def is_in_force(self, now: datetime) -> bool:
        """May no step call the participant now?"""
        return self.released_at is None and (self.until is None or self.until > now)

    def lets_pass(self, saga_id: object) -> bool:
        """Is that saga one of its canaries?"""
        return any(canary["saga"] == str(saga_id) for canary in self.canaries)
