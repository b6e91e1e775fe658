from django.db import models
from django.db.models.functions import Now


class Order(models.Model):
    """An order that was confirmed."""

    id = models.CharField(max_length=100, primary_key=True)
    confirmed_at = models.DateTimeField(db_default=Now())

    def __str__(self) -> str:
        return self.id


def seed() -> None:
    """Orders come into being when they are confirmed."""
