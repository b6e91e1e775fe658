from django.db import models
from django.db.models.functions import Now
from django.http import HttpRequest

from examples.shop.participant.keys import action_key_of, key_of


class Entry(models.Model):
    """One effect that was applied, written in its transaction: `quantity` cents or pieces taken or given back."""

    class Kind(models.TextChoices):
        ACTION = "action"
        COMPENSATION = "compensation"

    kind = models.CharField(max_length=12, choices=Kind.choices)
    what = models.CharField(max_length=40)
    of = models.CharField(max_length=100)
    quantity = models.BigIntegerField(default=0)
    key = models.CharField(max_length=255, db_index=True)
    action_key = models.CharField(max_length=255, db_index=True)
    at = models.DateTimeField(db_default=Now())

    def __str__(self) -> str:
        return f"{self.what} {self.quantity} of {self.of}"

    @classmethod
    def of_action(cls, request: HttpRequest, what: str, *, of: str, quantity: int = 0) -> None:
        key = key_of(request)
        cls.objects.create(kind=cls.Kind.ACTION, what=what, of=of, quantity=quantity, key=key, action_key=key)

    @classmethod
    def of_compensation(cls, request: HttpRequest, what: str, *, of: str, quantity: int = 0) -> None:
        key, action_key = key_of(request), action_key_of(request)
        cls.objects.create(
            kind=cls.Kind.COMPENSATION, what=what, of=of, quantity=quantity, key=key, action_key=action_key
        )


class Call(models.Model):
    """One request that came in, whatever became of it; `status` is empty while it is at work."""

    method = models.CharField(max_length=10)
    path = models.CharField(max_length=500)
    key = models.CharField(max_length=255, blank=True, db_index=True)
    action_key = models.CharField(max_length=255, blank=True)
    digest = models.CharField(max_length=64)
    status = models.IntegerField(null=True)
    switch = models.CharField(max_length=20, blank=True)
    at = models.DateTimeField(db_default=Now())

    def __str__(self) -> str:
        return f"{self.method} {self.path}"


class Callback(models.Model):
    """Something to tell a caller later, at the address that it gave: written with what it tells of, sent after that."""

    url = models.URLField(max_length=1000)
    body = models.JSONField()
    at = models.DateTimeField(db_index=True)
    """When it is sent, or tried again."""
    tries = models.PositiveIntegerField(default=0)
    answers = models.JSONField(default=list)
    """What came back, try by try: the status, or 0 where there was no answer."""
    settled = models.BooleanField(default=False)
    """It was taken, refused for good, or lost on purpose: it is not sent again."""

    def __str__(self) -> str:
        return self.url
