from datetime import datetime
from typing import Self

from django.db import models
from django.db.models import Q


class CallbackQuerySet(models.QuerySet["Callback"]):
    def due(self, now: datetime) -> Self:
        """Ends that are to be told now."""
        return self.filter(done_at=None, at__lte=now)

    def untold(self) -> Self:
        """Ends whose receiver did not take them the last time, given up or not."""
        return self.exclude(error="")

    def given_up(self) -> Self:
        """Ends that nobody tries to tell any more."""
        return self.untold().filter(done_at__isnull=False)


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
            # Of which sagas it was given up.
            models.Index(name="callback_given_up", fields=["saga"], condition=Q(done_at__isnull=False) & ~Q(error="")),
        ]

    def __str__(self) -> str:
        return f"the end of {self.saga_id}"

    @property
    def stands(self) -> str:
        """pending, told or failed."""
        if self.done_at is None:
            return "pending"
        return "failed" if self.error else "told"

    @property
    def address(self) -> str:
        """Its url as people see it: what stands behind the question mark may be a secret of the receiver's."""
        return without_query(self.url)


def without_query(url: str) -> str:
    """An address without what stands behind its question mark."""
    address, question, _ = url.partition("?")
    return f"{address}?…" if question else address
