from django.db import models
from django.db.models import Q


class Sweep(models.Model):
    """The sweep's own mark, one row: when it last looked."""

    id = models.PositiveSmallIntegerField(primary_key=True, default=1)
    at = models.DateTimeField()

    class Meta:
        constraints = [models.CheckConstraint(name="notification_sweep_one_row", condition=Q(id=1))]

    def __str__(self) -> str:
        return f"swept at {self.at}"
