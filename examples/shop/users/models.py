from django.db import models

CUSTOMERS = {"Alice": True, "Bob": True, "Carol": False, "Dave": True, "Erin": True, "Frank": True}
"""Who is there from the beginning, and may they buy?"""


class User(models.Model):
    id = models.CharField(max_length=40, primary_key=True)
    name = models.CharField(max_length=100)
    email = models.EmailField()
    active = models.BooleanField(default=True)

    def __str__(self) -> str:
        return self.name

    def shown(self) -> dict[str, object]:
        return {"id": self.pk, "name": self.name, "email": self.email, "active": self.active}


class SignUp(models.Model):
    """An account that was asked for under that key; whoever has the code can confirm its address."""

    key = models.CharField(max_length=255, unique=True)
    user = models.OneToOneField(User, on_delete=models.CASCADE)
    code = models.CharField(max_length=50, unique=True)
    callback = models.URLField(max_length=1000, blank=True)
    confirmed = models.BooleanField(default=False)

    def __str__(self) -> str:
        return self.user_id


def seed() -> None:
    for name, active in CUSTOMERS.items():
        defaults = {"name": name, "email": f"{name.lower()}@shop.example", "active": active}
        User.objects.get_or_create(id=name.lower(), defaults=defaults)


def books() -> dict[str, dict[str, int]]:
    return {"users": {"opening": len(CUSTOMERS), "now": User.objects.count()}}
