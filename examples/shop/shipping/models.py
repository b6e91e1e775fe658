from django.db import models


class Supply(models.Model):
    """What there is to be booked: labels for parcels, rounds of couriers."""

    name = models.CharField(max_length=20, primary_key=True)
    opening = models.PositiveBigIntegerField()
    left = models.PositiveBigIntegerField()

    def __str__(self) -> str:
        return self.name


class Booking(models.Model):
    """One of a supply, taken for an order under the key of the request that asked for it."""

    key = models.CharField(max_length=255, unique=True)
    order = models.CharField(max_length=100)
    supply = models.ForeignKey(Supply, on_delete=models.PROTECT)
    cancelled = models.BooleanField(default=False)

    def __str__(self) -> str:
        return f"{self.supply_id} for {self.order}"

    def shown(self) -> dict[str, object]:
        return {"booking_id": self.pk, "order_id": self.order}


def seed() -> None:
    for name in ("parcel", "courier"):
        Supply.objects.get_or_create(name=name, defaults={"opening": 10_000_000, "left": 10_000_000})


def books() -> dict[str, dict[str, int]]:
    return {supply.name: {"opening": supply.opening, "now": supply.left} for supply in Supply.objects.all()}
