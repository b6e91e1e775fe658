from typing import Self

from django.db import models
from django.db.models import Q
from django.db.models.functions import Lower


class SavedViewQuerySet(models.QuerySet["SavedView"]):
    def of(self, person: str, tenant: str) -> Self:
        """The views that a person of that tenant is offered: their own, and those that are shared."""
        return self.filter(Q(owner=person) | Q(is_shared=True), tenant=tenant).order_by(Lower("name"), "id")


class SavedView(models.Model):
    """A filter of the console's list of sagas under a name: `query` is what the list's address ends with."""

    tenant = models.CharField(max_length=64)
    owner = models.CharField(max_length=150, help_text="Whose it is, by the name they log in with.")
    name = models.CharField(max_length=80)
    query = models.TextField()
    is_shared = models.BooleanField(default=False)
    created_at = models.DateTimeField()

    objects = SavedViewQuerySet.as_manager()

    class Meta:
        constraints = [
            # Also finds the views of a tenant.
            models.UniqueConstraint(name="saved_view_once", fields=["tenant", "owner", "name"]),
        ]

    def __str__(self) -> str:
        return self.name
