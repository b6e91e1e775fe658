from datetime import datetime, timedelta
from typing import Self

from django.db import models
from django.db.models import Q

from gateway.ids import uuid7


class WorkerQuerySet(models.QuerySet["Worker"]):
    def alive(self, now: datetime, silence: timedelta) -> Self:
        """Processes whose heart has beaten within that time."""
        return self.filter(gone_at=None, beat_at__gt=now - silence)

    def silent(self, now: datetime, silence: timedelta) -> Self:
        """Processes nobody has declared gone yet, though they have been silent for that time."""
        return self.filter(gone_at=None, beat_at__lte=now - silence)


class Worker(models.Model):
    """One process that runs steps, known by its heartbeat.

    A process that was declared gone and wakes up again gets a new row: what it held was given to others.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    name = models.CharField(max_length=150)
    definitions = models.JSONField(default=list)
    queues = models.JSONField(default=list)
    concurrency = models.PositiveIntegerField(default=1)
    started_at = models.DateTimeField()
    beat_at = models.DateTimeField()
    probed_at = models.DateTimeField(null=True, blank=True)
    gone_at = models.DateTimeField(null=True, blank=True)

    objects = WorkerQuerySet.as_manager()

    class Meta:
        indexes = [
            # Who is alive, and who has fallen silent?
            models.Index(name="worker_beat", fields=["beat_at"], condition=Q(gone_at=None)),
        ]

    def __str__(self) -> str:
        return self.name


class Sweep(models.Model):
    """The sweep's own mark, one row: when it last looked, and since when it has looked without a gap.

    `alerted_at` is when it was last looked for what people must be told, `beat_at` when Celery beat was last heard.

    Nobody is declared gone before the database has answered for a while: after its restart every heartbeat is old.
    """

    id = models.PositiveSmallIntegerField(primary_key=True, default=1)
    at = models.DateTimeField()
    steady_since = models.DateTimeField()
    alerted_at = models.DateTimeField(null=True, blank=True)
    beat_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [models.CheckConstraint(name="sweep_one_row", condition=Q(id=1))]

    def __str__(self) -> str:
        return f"swept at {self.at}"
