from django.db import models


class User(models.Model):
    id = models.CharField(max_length=40, primary_key=True)
    name = models.CharField(max_length=100)
    email = models.EmailField()
    active = models.BooleanField(default=True)

    def __str__(self) -> str:
        return self.name


def seed() -> None:
    for name in ("Alice", "Bob", "Dave", "Erin"):
        User.objects.get_or_create(id=name.lower(), name=name, email=f"{name.lower()}@shop.example")
    User.objects.get_or_create(id="carol", name="Carol", email="carol@shop.example", active=False)
