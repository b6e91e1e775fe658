from django.db import models


class Item(models.Model):
    sku = models.CharField(max_length=40, primary_key=True)
    opening = models.PositiveBigIntegerField()
    on_hand = models.PositiveBigIntegerField()

    def __str__(self) -> str:
        return self.sku


class Reservation(models.Model):
    """Pieces set aside for an order, under the key of the request that asked for it."""

    key = models.CharField(max_length=255, unique=True)
    order = models.CharField(max_length=100)
    item = models.ForeignKey(Item, on_delete=models.PROTECT)
    quantity = models.PositiveIntegerField()
    released = models.BooleanField(default=False)

    def __str__(self) -> str:
        return f"{self.quantity} of {self.item_id} for {self.order}"


def seed() -> None:
    for sku, pieces in {"book": 10_000_000, "lamp": 100, "piano": 1, "globe": 0}.items():
        Item.objects.get_or_create(sku=sku, defaults={"opening": pieces, "on_hand": pieces})


def books() -> dict[str, dict[str, int]]:
    return {item.sku: {"opening": item.opening, "now": item.on_hand} for item in Item.objects.all()}
