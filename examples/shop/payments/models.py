from django.db import models


class Account(models.Model):
    """What a user can spend, in cents."""

    user = models.CharField(max_length=40, primary_key=True)
    opening = models.PositiveBigIntegerField()
    balance = models.PositiveBigIntegerField()
    card_declined = models.BooleanField(default=False)
    never_settles = models.BooleanField(default=False)
    """The card is good, but the bank declines in the end."""

    def __str__(self) -> str:
        return self.user


class Charge(models.Model):
    """Money taken for an order, in cents, under the key of the request that asked for it."""

    key = models.CharField(max_length=255, unique=True)
    order = models.CharField(max_length=100)
    account = models.ForeignKey(Account, on_delete=models.PROTECT)
    amount = models.PositiveBigIntegerField()
    refunded = models.BooleanField(default=False)

    def __str__(self) -> str:
        return f"{self.amount} from {self.account_id} for {self.order}"

    @property
    def settlement(self) -> dict[str, object]:
        """What the bank says of it in the end."""
        status = "declined" if self.account.never_settles else "settled"
        return {"order_id": self.order, "charge_id": self.pk, "status": status}

    def shown(self) -> dict[str, object]:
        return {"charge_id": self.pk, "amount": self.amount}


def seed() -> None:
    openings = {
        "alice": 100_000_000_000,
        **dict.fromkeys(("bob", "carol", "erin"), 50_000),
        "dave": 500,
        "frank": 100_000_000,
    }
    for user, cents in openings.items():
        faults = {"card_declined": user == "erin", "never_settles": user == "frank"}
        Account.objects.get_or_create(user=user, defaults={"opening": cents, "balance": cents, **faults})


def books() -> dict[str, dict[str, int]]:
    return {account.user: {"opening": account.opening, "now": account.balance} for account in Account.objects.all()}
