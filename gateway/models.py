"""What the doors remember: who may call, the answers given under idempotency keys, and what was counted."""

from datetime import datetime, timedelta

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from gateway.ids import uuid7


class IdempotencyKeyQuerySet(models.QuerySet["IdempotencyKey"]):
    """Questions about many keys."""

    def older_than(self, age: timedelta) -> "IdempotencyKeyQuerySet":
        """Keys that were first used longer ago than that, by the database's clock; for the clean-up."""
        return self.filter(created_at__lt=Now() - age)


class IdempotencyKey(models.Model):
    """One key that a caller used for one call, with a fingerprint of what it sent and the answer it got."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    tenant = models.CharField(max_length=64)
    caller = models.CharField(max_length=200)
    scope = models.CharField(max_length=64, help_text="The call that the key was used for.")
    key = models.CharField(max_length=255)
    fingerprint = models.CharField(max_length=64, help_text="By which the body is known again.")
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


class ApiKeyQuerySet(models.QuerySet["ApiKey"]):
    """Questions about many API keys."""

    def live(self, now: datetime) -> "ApiKeyQuerySet":
        """Keys that open a door at that moment."""
        return self.filter(Q(expires_at=None) | Q(expires_at__gt=now), revoked_at=None)

    def of_name(self, tenant: str, name: str) -> "ApiKeyQuerySet":
        """All keys that one service has, or had."""
        return self.filter(tenant=tenant, name=name)


class ApiKey(models.Model):
    """One key of a service: what it opens, for whom and until when. The key itself is not kept, only its SHA-256.

    Two live ones of one name are the same caller: that is how a key is rotated without a request that fails.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    tenant = models.CharField(max_length=64)
    name = models.CharField(max_length=100, help_text="The service, as the audit calls it.")
    prefix = models.CharField(max_length=12, help_text="How the key begins, to tell it from others.")
    digest = models.CharField(max_length=64, unique=True, help_text="SHA-256 of the key.")
    scopes = models.JSONField(default=list)
    definitions = models.JSONField(default=None, null=True, help_text="The sagas it holds for; null is all.")
    rate = models.PositiveIntegerField(default=None, null=True, help_text="Requests a minute; null is the setting's.")
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField(default=None, null=True)
    revoked_at = models.DateTimeField(default=None, null=True)
    last_used_at = models.DateTimeField(default=None, null=True, help_text="To the minute.")

    objects = ApiKeyQuerySet.as_manager()

    class Meta:
        indexes = [
            # A service's keys, to rotate and to revoke them.
            models.Index(fields=["tenant", "name"], name="gateway_apikey_name")
        ]

    def __str__(self) -> str:
        return f"{self.name} ({self.prefix}…)"

    def opens(self, now: datetime) -> bool:
        """Whether it is neither revoked nor expired."""
        return self.revoked_at is None and (self.expires_at is None or self.expires_at > now)


def names_or_nothing(given: object) -> None:
    """Raises `ValidationError` for what is no list of names."""
    if not (isinstance(given, list) and given and all(isinstance(name, str) and name for name in given)):
        raise ValidationError('Write a list of names, such as ["order", "shipping"], or leave it empty for all.')


class Membership(models.Model):
    """The tenant that a person belongs to, and the sagas they may know of there.

    A person without one belongs to the default tenant, and may know of all its sagas.
    """

    user = models.OneToOneField(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="membership")
    tenant = models.CharField(max_length=64)
    definitions = models.JSONField(
        default=None,
        null=True,
        blank=True,
        validators=[names_or_nothing],
        help_text='The sagas that they may know of, such as ["order", "shipping"]; empty is all.',
    )

    def __str__(self) -> str:
        return f"{self.user} of {self.tenant}"


class Sample(models.Model):
    """What all processes have counted of one thing: a metric, the values of its labels, and which part of it.

    A counter has one part, without a name; a histogram one for each bucket in which something fell, named by its upper
    bound, and "sum". Processes only ever add to `value`.
    """

    name = models.CharField(max_length=100)
    labels = models.CharField(max_length=400, help_text="The values of the labels, as a JSON list.")
    part = models.CharField(max_length=10, blank=True, default="")
    value = models.FloatField(default=0)

    class Meta:
        constraints = [
            # What is counted is added to the row that is there.
            models.UniqueConstraint(fields=["name", "labels", "part"], name="gateway_sample_once")
        ]

    def __str__(self) -> str:
        return f"{self.name} {self.labels} {self.part}"
