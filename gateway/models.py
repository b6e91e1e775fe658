"""What the doors remember: the answers given under idempotency keys."""

from datetime import datetime

from django.db import models

from gateway.ids import uuid7


class IdempotencyKeyQuerySet(models.QuerySet["IdempotencyKey"]):
    """Questions about many keys."""

    def older_than(self, moment: datetime) -> "IdempotencyKeyQuerySet":
        """Keys that were first used before the moment, for the clean-up."""
        return self.filter(created_at__lt=moment)


class IdempotencyKey(models.Model):
    """One key that a caller used for one call, with a fingerprint of what it sent and the answer it got."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    tenant = models.CharField(max_length=64)
    caller = models.CharField(max_length=200)
    scope = models.CharField(max_length=64, help_text="The call that the key was used for.")
    key = models.CharField(max_length=255)
    fingerprint = models.CharField(max_length=64, help_text="SHA-256 of the body as canonical JSON.")
    status = models.PositiveSmallIntegerField(default=0, help_text="HTTP status of the answer.")
    answer = models.JSONField(default=None, null=True, help_text="What it takes to give the same answer again.")
    created_at = models.DateTimeField(auto_now_add=True)

    objects = IdempotencyKeyQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["tenant", "caller", "scope", "key"], name="gateway_idempotency_key_once")
        ]
        indexes = [
            # The clean-up asks for the oldest keys.
            models.Index(fields=["created_at"], name="gateway_idempotency_age")
        ]

    def __str__(self) -> str:
        return f"{self.scope} {self.key}"
