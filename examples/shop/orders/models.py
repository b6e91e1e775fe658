from django.db import models


class Order(models.Model):
    class State(models.TextChoices):
        CONFIRMED = "confirmed"
        CANCELLED = "cancelled"

    id = models.CharField(max_length=100, primary_key=True)
    state = models.CharField(max_length=10, choices=State.choices)

    def __str__(self) -> str:
        return f"{self.id} {self.state}"


def seed() -> None:
    """Orders come into being when they are confirmed."""
