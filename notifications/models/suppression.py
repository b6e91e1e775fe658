from django.db import models
from django.db.models import TextChoices
from django.db.models.functions import Now

from gateway.ids import uuid7
from notifications.masking import masked
from notifications.sealed import LENGTH, SealedText


class Reason(TextChoices):
    """Why nothing is sent to an address."""

    BOUNCED = "bounced"
    """There is no such address."""
    COMPLAINED = "complained"
    """Its owner called a message spam."""
    UNSUBSCRIBED = "unsubscribed"
    """Its owner does not want this category; what is mandatory is sent all the same."""
    BY_HAND = "by_hand"
    """Somebody entered it."""


class Suppression(models.Model):
    """An address to which nothing is sent, or nothing of one category."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    tenant = models.CharField(max_length=64)
    channel = models.CharField(max_length=63)
    address = SealedText(blank=True, help_text="Empty once its receiver was erased; it is recognised all the same.")
    mark = models.CharField(max_length=LENGTH, default="", help_text="The address, to be recognised by.")
    category = models.CharField(max_length=63, blank=True, default="", help_text="Empty is every category.")
    reason = models.CharField(max_length=12, choices=Reason.choices)
    detail = models.TextField(blank=True, default="")
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints = [
            # Also the index of the question before every attempt: is this address dead?
            models.UniqueConstraint(name="suppression_once", fields=["tenant", "mark", "channel", "category"]),
        ]

    def __str__(self) -> str:
        return f"{self.channel} to {masked(self.address)}: {self.reason}"
